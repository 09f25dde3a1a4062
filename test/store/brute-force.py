"""Which rows lie in which regions, by looking at every row: reads a folder, prints JSON.

points.f64: right ascensions, then declinations, degrees. shapes.json: cones {"cone": [ra, dec, radius]} and
convex polygons with great-circle edges {"polygon": [[ra, dec], ...]}, degrees. For each shape the number of rows and
the sum of their numbers, the numbers of rows so near its edge that rounding decides (within, and without), and for few
rows of a cone their distances in arcsec.
"""

import json
import sys
from pathlib import Path

import numpy as np
from astropy.coordinates import angular_separation

folder = Path(sys.argv[1])
ra, dec = np.fromfile(folder / "points.f64").reshape(2, -1)
lon, lat = np.radians(ra), np.radians(dec)
EDGE = np.radians(1e-3 / 3600)
vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def cone(a, d, radius):
    # Vincenty's formula only where it matters: a dot product tells the rest.
    centre = np.radians([a, d])
    v = np.array([np.cos(centre[1]) * np.cos(centre[0]), np.cos(centre[1]) * np.sin(centre[0]), np.sin(centre[1])])
    near = np.flatnonzero(vectors @ v >= np.cos(np.radians(min(radius + 0.01, 180))) - 1e-9)
    angles = angular_separation(*centre, lon[near], lat[near])
    inside = angles <= np.radians(radius) if radius < 180 else np.full(len(near), True)
    edge = np.abs(angles - np.radians(radius)) < EDGE
    return near[inside], near[edge & inside], near[edge & ~inside], np.degrees(angles[inside]) * 3600


def polygon(corners):
    a, d = np.radians(np.array(corners)).T
    v = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)
    normals = np.cross(v, np.roll(v, -1, axis=0))
    if np.sum(normals @ v.mean(axis=0)) < 0:
        normals = -normals
    # Sines of the distances to the sides; the nearest side, or that farthest on the wrong side, decides.
    depth = (vectors @ (normals / np.linalg.norm(normals, axis=1)[:, None]).T).min(axis=1)
    return (
        np.flatnonzero(depth >= 0),
        np.flatnonzero((depth >= 0) & (depth < EDGE)),
        np.flatnonzero((depth < 0) & (depth > -EDGE)),
        None,
    )


for shape in json.loads((folder / "shapes.json").read_text()):
    rows, within, without, arcsec = cone(*shape["cone"]) if "cone" in shape else polygon(shape["polygon"])
    found = {"count": len(rows), "sum": int(rows.sum()), "within": within.tolist(), "without": without.tolist()}
    if arcsec is not None and len(rows) <= 30:
        found["arcsec"] = dict(zip(map(str, rows.tolist()), arcsec.tolist()))
    print(json.dumps(found))
