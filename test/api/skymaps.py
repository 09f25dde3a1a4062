"""Makes skymaps as observatories publish them, and tells which positions lie in their credible regions.

Reads {"points": [[ra, dec], ...]} from standard input, writes files into the folder named; prints for each
file and level which of the points lie inside.
"""

import json
import sys
from pathlib import Path

import healpy as hp
import numpy as np
from astropy import units as u
from astropy.table import Table
from mocpy import MOC

folder = Path(sys.argv[1])
points = np.array(json.load(sys.stdin)["points"])
LEVELS = (50, 90, 99)


def density(order, centres):
    """Two lobes of different size at the centres of all cells of an order."""
    pix = np.arange(12 * 4**order)
    v = np.array(hp.pix2vec(2**order, pix, nest=True)).T
    total = np.zeros(len(pix))
    for ra, dec, sigma, weight in centres:
        away = np.arccos(np.clip(v @ hp.ang2vec(ra, dec, lonlat=True), -1, 1))
        total += weight * np.exp(-(away**2) / (2 * np.radians(sigma) ** 2)) / sigma**2
    return total / total.sum()


def region(orders, cells, dens):
    """For each level: the smallest set of cells by falling density with so much of the probability."""
    prob = dens * 4.0**-orders
    rank = np.argsort(-dens, kind="stable")
    before = np.cumsum(prob[rank]) - prob[rank]
    return {level: rank[before < level / 100 * prob.sum() * (1 - 1e-12)] for level in LEVELS}


def inside(orders, cells, dens):
    told = {}
    for level, chosen in region(orders, cells, dens).items():
        hit = np.zeros(len(points), bool)
        for order in np.unique(orders[chosen]):
            own = cells[chosen][orders[chosen] == order]
            hit |= np.isin(hp.ang2pix(2 ** int(order), *points.T, nest=True, lonlat=True), own)
        told[level] = np.flatnonzero(hit).tolist()
    return told


def moc_inside(orders, cells, dens):
    uniq = 4 * 4**orders + cells
    prob = dens * 4.0**-orders
    moc = MOC.from_valued_healpix_cells(
        uniq, prob / prob.sum(), max_depth=int(orders.max()), values_are_densities=False, cumul_to=0.9, strict=False
    )
    return np.flatnonzero(moc.contains_lonlat(*(points.T * u.deg))).tolist()


told = {}

# Multi-order, as LIGO-Virgo-KAGRA: fine cells where there is probability, at a pole and across ra = 0.
for name, centres in {
    "polar": [(30, 88, 6, 1), (210, -87, 3, 0.5)],
    "zero": [(0.5, 10, 5, 1), (359, -30, 2, 1)],
}.items():
    coarse, fine = 5, 7
    base = density(coarse, centres)
    split = np.flatnonzero(base > 0.01 * base.max())
    whole = np.setdiff1d(np.arange(len(base)), split)
    finer = (4 ** (fine - coarse) * split[:, None] + np.arange(4 ** (fine - coarse))).ravel()
    orders = np.concatenate([np.full(len(whole), coarse), np.full(len(finer), fine)])
    cells = np.concatenate([whole, finer])
    dens = np.concatenate([base[whole] * 4.0**coarse, density(fine, centres)[finer] * 4.0**fine])
    area = 4 * np.pi / 12 * 4.0**-orders
    dens /= (dens * area).sum()
    table = Table({"UNIQ": (4 * 4**orders + cells).astype(np.int64), "PROBDENSITY": dens})
    table["PROBDENSITY"].unit = 1 / u.sr
    table.meta.update(ORDERING="NUNIQ", PIXTYPE="HEALPIX", COORDSYS="C", INDXSCHM="EXPLICIT")
    table.write(folder / f"{name}.multiorder.fits", overwrite=True)
    told[f"{name}.multiorder.fits"] = inside(orders, cells, dens) | {"moc": moc_inside(orders, cells, dens)}

# Flat ones, in both schemes, and a partial one.
order = 6
centres = [(120, 0, 8, 1), (180, 40, 3, 0.4)]
prob = density(order, centres)
cells = np.arange(len(prob))
flat = inside(np.full(len(prob), order), cells, prob.astype(np.float32).astype(float))
hp.write_map(folder / "nested.fits", prob, nest=True, dtype=np.float32, column_names=["PROB"], overwrite=True)
hp.write_map(folder / "ring.fits.gz", hp.reorder(prob, n2r=True), nest=False, dtype=np.float32, overwrite=True)
partial = np.where(prob > prob.max() * 1e-4, prob, hp.UNSEEN)
hp.write_map(folder / "partial.fits", partial, nest=True, partial=True, dtype=np.float64, overwrite=True)
told["nested.fits"] = told["ring.fits.gz"] = flat
kept = prob > prob.max() * 1e-4
told["partial.fits"] = inside(np.full(kept.sum(), order), cells[kept], prob[kept])

print(json.dumps(told))
