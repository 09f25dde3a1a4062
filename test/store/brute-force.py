"""Which rows lie in which regions, by looking at every row: reads a folder, prints JSON.

points.f64: right ascensions, then declinations, degrees. shapes.json: cones {"cone": [ra, dec, radius]} and
convex polygons with great-circle edges {"polygon": [[ra, dec], ...]}, degrees. For each shape the number of rows,
the sum of their numbers, and for few rows of a cone their distances in arcsec.
"""

import json
import sys
from pathlib import Path

import numpy as np
from astropy.coordinates import angular_separation

folder = Path(sys.argv[1])
ra, dec = np.fromfile(folder / "points.f64").reshape(2, -1)
lon, lat = np.radians(ra), np.radians(dec)
vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def cone(a, d, radius):
    # Vincenty's formula only where it matters: a dot product tells the rest.
    centre = np.radians([a, d])
    v = np.array([np.cos(centre[1]) * np.cos(centre[0]), np.cos(centre[1]) * np.sin(centre[0]), np.sin(centre[1])])
    near = np.flatnonzero(vectors @ v >= np.cos(np.radians(min(radius + 0.01, 180))) - 1e-9)
    angles = angular_separation(*centre, lon[near], lat[near])
    inside = angles <= np.radians(radius) if radius < 180 else np.full(len(near), True)
    return near[inside], np.degrees(angles[inside]) * 3600


def polygon(corners):
    a, d = np.radians(np.array(corners)).T
    v = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)
    normals = np.cross(v, np.roll(v, -1, axis=0))
    if np.sum(normals @ v.mean(axis=0)) < 0:
        normals = -normals
    return np.flatnonzero((vectors @ normals.T >= 0).all(axis=1))


for shape in json.loads((folder / "shapes.json").read_text()):
    if "cone" in shape:
        rows, arcsec = cone(*shape["cone"])
    else:
        rows, arcsec = polygon(shape["polygon"]), None
    found = {"count": len(rows), "sum": int(rows.sum())}
    if arcsec is not None and len(rows) <= 30:
        found["arcsec"] = dict(zip(map(str, rows.tolist()), arcsec.tolist()))
    print(json.dumps(found))
