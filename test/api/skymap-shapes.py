"""Tells which positions mocpy takes to be within ellipses.

Reads [{"ellipse": {ra, dec, amaj, amin, phi}, "points": [[ra, dec], ...]}, ...] from standard input; prints for each
the numbers of the points inside.
"""

import json
import sys

import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from mocpy import MOC

told = []
for asked in json.load(sys.stdin):
    ellipse = asked["ellipse"]
    long, short = (ellipse["amaj"], ellipse["amin"])
    turn = 0
    if long < short:
        long, short, turn = (short, long, 90)
    moc = MOC.from_elliptical_cone(
        lon=Longitude(ellipse["ra"] * u.deg),
        lat=Latitude(ellipse["dec"] * u.deg),
        a=long * u.deg,
        b=short * u.deg,
        pa=(ellipse["phi"] + turn) % 180 * u.deg,
        max_depth=14,
    )
    told.append(np.flatnonzero(moc.contains_lonlat(*(np.array(asked["points"]).T * u.deg))).tolist())
print(json.dumps(told))
