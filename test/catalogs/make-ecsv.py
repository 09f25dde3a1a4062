"""Writes ECSV files with astropy, and what is in them: make-ecsv.py FOLDER."""

import json
import struct
import sys
from pathlib import Path

import numpy as np
from astropy.table import MaskedColumn, Table

OUT = Path(sys.argv[1])
ROWS = 40
rng = np.random.default_rng(8)


def real(x):
    return None if np.isnan(x) else "f" + struct.pack(">d", float(x)).hex()


table = Table()
table["id"] = rng.integers(-(2**62), 2**62, ROWS)
table["ra"] = rng.random(ROWS) * 360
table["ra"].unit = "deg"
table["mag"] = np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(size=ROWS)).astype("f4")
table["count"] = MaskedColumn(rng.integers(0, 9, ROWS).astype("i2"), mask=rng.random(ROWS) < 0.3)
table["flag"] = rng.random(ROWS) < 0.5
table["name"] = [["M 31", "a, b", 'q"uote', "007"][i % 4] for i in range(ROWS)]
table["pair"] = rng.integers(0, 9, (ROWS, 2))
table.meta = {"comment": "made for a test", "nested": {"a": [1, 2]}}
for kind, mark in (("comma", ","), ("space", " ")):
    table.write(OUT / f"{kind}.ecsv", format="ascii.ecsv", delimiter=mark, overwrite=True)
rows = [
    {
        "id": f"i{row['id']}",
        "ra": real(row["ra"]),
        # The shortest text that reads back as the float32 is read as a double.
        "mag": real(np.float64(str(row["mag"]))),
        "count": None if row["count"] is np.ma.masked else f"i{row['count']}",
        "flag": bool(row["flag"]),
        "name": "s" + row["name"],
        "pair": [f"i{x}" for x in row["pair"]],
    }
    for row in table
]
(OUT / "ecsv.json").write_text(json.dumps(rows))
