"""Writes FITS tables of every kind of column, and what astropy reads back from each: make-fits.py FOLDER."""

import json
import struct
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

OUT = Path(sys.argv[1])
ROWS = 57
rng = np.random.default_rng(8)


def told(value, in_list=False):
    """A value with its kind: i… integer, f… double by its bits, s… text, true, false, null for none."""
    if value is np.ma.masked or value is None:
        return None
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return told(value.item(), in_list)
        items = [told(item, True) for item in value]
        return items if items else None
    if isinstance(value, (list, tuple)):
        return [told(item, True) for item in value] or None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return f"i{int(value)}"
    if isinstance(value, (complex, np.complexfloating)):
        return [told(float(value.real), True), told(float(value.imag), True)]
    if isinstance(value, (float, np.floating)):
        if np.isnan(value):
            return "fnan" if in_list else None
        return "f" + struct.pack(">d", float(value)).hex()
    if isinstance(value, bytes):
        value = value.decode()
    text = str(value).strip()
    return "s" + text if text or in_list else None


def keep(name, rows):
    (OUT / f"{name}.json").write_text(json.dumps(rows))


def numbers():
    """Every type, its extremes among them, and masks that become TNULL and NaN."""
    columns = {}
    for code, kind in (("u1", "B"), ("i2", "I"), ("i4", "J"), ("i8", "K"), ("u2", "UI"), ("u4", "UJ"), ("u8", "UK")):
        info = np.iinfo(code)
        values = rng.integers(info.min, info.max, ROWS, dtype=code, endpoint=True)
        values[:2] = info.min, info.max
        columns[kind] = np.ma.array(values, mask=[i % 7 == 3 for i in range(ROWS)]) if kind in "BIJK" else values
    for code, kind in (("f4", "E"), ("f8", "D")):
        values = (rng.normal(size=ROWS) * 10.0 ** rng.integers(-30, 30, ROWS)).astype(code)
        values[:5] = 0, -0.0, 3, np.inf, np.nan
        columns[kind] = values
    columns["C"] = (rng.normal(size=ROWS) + 1j * rng.normal(size=ROWS)).astype("c8")
    columns["M"] = rng.normal(size=ROWS) + 1j * rng.normal(size=ROWS)
    columns["L"] = rng.integers(0, 2, ROWS).astype(bool)
    columns["A"] = np.array([["", "M 31", " padded ", "it's 1/2", "naïve"][i % 5] for i in range(ROWS)])
    table = Table(columns)
    table["A"] = np.char.encode(columns["A"], "utf-8")
    for name in "BIJK":
        table[name].fill_value = 77
    table.write(OUT / "numbers.fits", overwrite=True)
    # What was written; astropy itself would mask other values that equal TNULL.
    rows = [
        {name: told(table[name][i] if name not in "BIJK" or not columns[name].mask[i] else None) for name in table.colnames}
        for i in range(ROWS)
    ]
    for row in rows:
        for name in "BIJK":
            if row[name] == "i77":
                row[name] = None
    keep("numbers", rows)


def arrays():
    """Vectors, arrays of two axes, lists of texts, bits, lists of varying length behind P and Q."""
    lengths = rng.integers(0, 6, ROWS)
    vla = np.array([rng.normal(size=n) for n in lengths] + [None], dtype=object)[:-1]
    vli = np.array([rng.integers(-9, 9, n).astype("i4") for n in lengths[::-1]] + [None], dtype=object)[:-1]
    columns = [
        fits.Column("V", "5E", array=np.where(rng.random((ROWS, 5)) < 0.2, np.nan, rng.normal(size=(ROWS, 5)))),
        fits.Column("W", "6J", dim="(3,2)", array=rng.integers(-9, 9, (ROWS, 2, 3))),
        fits.Column("T", "12A", dim="(4,3)", array=np.array([["ab", "c", f"{i}"] for i in range(ROWS)])),
        fits.Column("X", "11X", array=rng.integers(0, 2, (ROWS, 11)).astype(bool)),
        fits.Column("Z", "0J", array=np.zeros((ROWS, 0), dtype="i4")),
        fits.Column("P", "PD()", array=vla),
        fits.Column("Q", "QJ()", array=vli),
        fits.Column("SB", "B", bzero=-128, array=np.arange(-128, -128 + ROWS * 4, 4).astype("i1")),
        fits.Column("ra", "D", unit="deg", array=np.linspace(0, 359, ROWS)),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    primary = fits.PrimaryHDU(np.zeros((100, 70), dtype="i2"))
    image = fits.ImageHDU(np.zeros(11, dtype="f4"), name="IMAGE")
    for name in ("arrays.fits", "arrays.fits.gz"):
        fits.HDUList([primary, image, hdu]).writeto(OUT / name, overwrite=True)
    data = fits.getdata(OUT / "arrays.fits", 2)
    rows = []
    for i in range(ROWS):
        row = {name: told(data[name][i]) for name in ("V", "W", "T", "X", "P", "Q", "ra")}
        # astropy makes floats of signed bytes.
        rows.append({**row, "SB": told(int(data["SB"][i])), "Z": None})
    keep("arrays", rows)


def scaled():
    """TSCAL and TZERO on integers and reals, TNULL of the stored value, a long text over CONTINUE cards."""
    raw = rng.integers(-300, 300, ROWS).astype("i2")
    raw[4] = -300
    columns = [
        fits.Column("mag", "I", null=-300, array=raw),
        fits.Column("flux", "E", array=rng.normal(size=ROWS)),
        fits.Column("shift", "J", array=rng.integers(0, 2000, ROWS)),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header["LONG"] = "x" * 200
    path = OUT / "scaled.fits"
    hdu.writeto(path, overwrite=True)
    for keyword, value in (("TSCAL1", 0.001), ("TZERO1", 20.0), ("TSCAL2", 2.5), ("TZERO2", -1.0), ("TZERO3", 1000)):
        fits.setval(path, keyword, value=value, ext=1)
    data = fits.getdata(path, 1)
    rows = [{name: told(float(data[name][i])) for name in ("mag", "flux", "shift")} for i in range(ROWS)]
    for i in range(ROWS):
        if raw[i] == -300:
            rows[i]["mag"] = None
    keep("scaled", rows)


OUT.mkdir(parents=True, exist_ok=True)
numbers()
arrays()
scaled()
