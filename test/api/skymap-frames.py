"""Makes HEALPix maps in several frames, and tells which equatorial positions their regions hold.

Reads {"points": [[ra, dec], ...]} from standard input, writes files into the folder named; prints for each frame the
numbers of the points that lie in the region of 90 % with all cells around ("inside"), and of those that no cell around
them is in ("outside").
"""

import json
import sys
from pathlib import Path

import healpy as hp
import numpy as np
from astropy.io import fits
from astropy.table import Table

folder = Path(sys.argv[1])
points = np.array(json.load(sys.stdin)["points"])
NSIDE = 64
pix = np.arange(hp.nside2npix(NSIDE))
told = {}
for frame in "CGE":
    # Two lobes at equatorial positions, drawn in the map's own frame.
    turn = hp.Rotator(coord=["C", frame])
    ring = np.zeros(len(pix))
    for ra, dec, sigma in [(45, 30, 6), (200, -70, 3)]:
        away = hp.rotator.angdist(turn(hp.ang2vec(ra, dec, lonlat=True)), np.array(hp.pix2vec(NSIDE, pix)))
        ring += np.exp(-(away**2) / (2 * np.radians(sigma) ** 2))
    ring /= ring.sum()
    rank = np.argsort(-ring)
    region = np.zeros(len(pix), bool)
    region[rank[np.cumsum(ring[rank]) - ring[rank] < 0.9]] = True
    own = hp.ang2pix(NSIDE, *turn(*points.T, lonlat=True), lonlat=True)
    around = region[np.vstack([own, hp.get_all_neighbours(NSIDE, own)])]
    told[frame] = {
        "inside": np.flatnonzero(around.all(axis=0)).tolist(),
        "outside": np.flatnonzero(~around.any(axis=0)).tolist(),
    }
    # healpy writes the letter of the frame to COORDSYS.
    hp.write_map(folder / f"{frame}.ring.fits", ring, coord=frame, dtype=np.float64, overwrite=True)
    nested = hp.reorder(ring, r2n=True)
    hp.write_map(folder / f"{frame}.nested.fits", nested, nest=True, coord=frame, dtype=np.float64, overwrite=True)
    partial = np.where(ring > ring.max() * 1e-5, ring, hp.UNSEEN)
    hp.write_map(folder / f"{frame}.partial.fits", partial, partial=True, coord=frame, dtype=np.float64, overwrite=True)

# The same map with other words, and with the word in the first header alone.
for name, word in {
    "galactic": "GALACTIC", "ecliptic": "Ecliptic", "icrs": "ICRS", "equatorial": "EQUATORIAL", "celestial": "CELESTIAL",
    "blank": "", "unknown": "ALTAZ", "absent": None, "primary": None,
}.items():
    frame = {"galactic": "G", "ecliptic": "E", "primary": "G"}.get(name, "C")
    with fits.open(folder / f"{frame}.ring.fits") as hdus:
        if word is None:
            del hdus[1].header["COORDSYS"]
        else:
            hdus[1].header["COORDSYS"] = word
        if name == "primary":
            hdus[0].header["COORDSYS"] = "G"
        hdus.writeto(folder / f"{name}.fits", overwrite=True)

table = Table({"UNIQ": 16 + np.arange(48), "PROBDENSITY": np.arange(48.0)})
table.meta.update(ORDERING="NUNIQ", PIXTYPE="HEALPIX", COORDSYS="G")
table.write(folder / "G.multiorder.fits", overwrite=True)

# Cells that are none of the map's, or there twice.
for name, pixels in {"beyond": [5, 49152], "below": [-3, 5], "twice": [5, 6, 5]}.items():
    table = Table({"PIXEL": np.array(pixels, np.int32), "PROB": np.ones(len(pixels))})
    table.meta.update(ORDERING="NESTED", PIXTYPE="HEALPIX", NSIDE=64, INDXSCHM="EXPLICIT", COORDSYS="C")
    table.write(folder / f"{name}.fits", overwrite=True)
print(json.dumps(told))
