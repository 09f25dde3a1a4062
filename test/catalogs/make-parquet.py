"""Writes Parquet files of every type, codec and encoding, and what is in them: make-parquet.py FOLDER."""

import datetime as dt
import decimal
import json
import struct
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(sys.argv[1])
ROWS = 500
rng = np.random.default_rng(8)


def told(value, in_list=False):
    """A value with its kind: i… integer, f… double by its bits, s… text, t… time, b… bytes, d… decimal."""
    if value is None:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        if np.isnan(value):
            return "fnan" if in_list else None
        return "f" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "s" + value if value or in_list else None
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, dt.datetime):
        return "t" + value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, dt.date):
        return f"t{value.isoformat()}T00:00:00.000Z"
    if isinstance(value, decimal.Decimal):
        return f"i{value}"
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return {key: told(item) for key, item in value}
    if isinstance(value, list):
        return [told(item, True) for item in value]
    return {key: told(item) for key, item in value.items() if told(item) is not None}


def maybe(values, share=0.2):
    return [None if rng.random() < share else value for value in values]


def floats(kind):
    values = [float(np.dtype(kind).type(x)) for x in rng.normal(size=ROWS) * 10.0 ** rng.integers(-20, 20, ROWS)]
    values[:5] = [0.0, 3.0, float("inf"), float("nan"), -0.0]
    return values


def integers(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    values = [int(low + (high - low) * int(x) // 2**40) for x in rng.integers(0, 2**40, ROWS)]
    values[:2] = [low, high]
    return values


def flat():
    times = [dt.datetime(2020, 1, 1) + dt.timedelta(seconds=int(x), milliseconds=int(x) % 1000) for x in rng.integers(0, 2**28, ROWS)]
    columns = {
        "f4": pa.array(maybe(floats("f4")), pa.float32()),
        "f8": pa.array(floats("f8"), pa.float64()),
        "flag": pa.array(maybe([bool(x) for x in rng.integers(0, 2, ROWS)]), pa.bool_()),
        "class": pa.array(maybe([["STAR", "GALAXY", "QSO", ""][i % 4] for i in range(ROWS)])).dictionary_encode(),
        "name": pa.array(maybe([f"näme {i}" * (i % 3) for i in range(ROWS)])),
        "blob": pa.array(maybe([bytes([i % 256, 0, 255]) for i in range(ROWS)]), pa.binary()),
        "fixed": pa.array([bytes([i % 256] * 4) for i in range(ROWS)], pa.binary(4)),
        "day": pa.array(maybe([time.date() for time in times]), pa.date32()),
        "ms": pa.array(times, pa.timestamp("ms")),
        "us": pa.array(maybe(times), pa.timestamp("us", tz="UTC")),
        "price": pa.array(maybe([decimal.Decimal(int(x)).scaleb(-4) for x in rng.integers(-(10**9), 10**9, ROWS)]), pa.decimal128(18, 4)),
        "wide": pa.array([decimal.Decimal(12345678901234567890123 * (i - 250)).scaleb(-2) for i in range(ROWS)], pa.decimal128(30, 2)),
        "none": pa.array([None] * ROWS, pa.float64()),
    }
    for bits in (8, 16, 32, 64):
        columns[f"i{bits}"] = pa.array(maybe(integers(bits, True)), f"int{bits}")
        columns[f"u{bits}"] = pa.array(integers(bits, False), f"uint{bits}")
    return pa.table(columns)


def nested():
    def lists(values):
        return [None if i % 11 == 3 else values[: i % 5] for i in range(ROWS)]

    return pa.table(
        {
            "list": pa.array(lists([1.0, None, float("nan"), 2.5]), pa.list_(pa.float64())),
            "words": pa.array(lists(["a", "", None, "d"]), pa.list_(pa.string())),
            "matrix": pa.array([[[i, i + 1], [], [i]] if i % 3 else [] for i in range(ROWS)], pa.list_(pa.list_(pa.int32()))),
            "struct": pa.array(
                [None if i % 7 == 0 else {"x": i / 3, "n": i if i % 2 else None, "in": {"s": f"s{i}"}} for i in range(ROWS)],
                pa.struct([("x", pa.float64()), ("n", pa.int64()), ("in", pa.struct([("s", pa.string())]))]),
            ),
            "data": pa.array(
                [[{"hjd": i + k / 7, "flags": k} for k in range(i % 4)] for i in range(ROWS)],
                pa.list_(pa.struct([("hjd", pa.float64()), ("flags", pa.int16())])),
            ),
            "map": pa.array([[("a", i), ("b", None)] if i % 2 else [("c", -i)] for i in range(ROWS)], pa.map_(pa.string(), pa.int32())),
        }
    )


def keep(name, table, **options):
    pq.write_table(table, OUT / f"{name}.parquet", row_group_size=170, data_page_size=600, **options)


OUT.mkdir(parents=True, exist_ok=True)
tables = {"flat": flat(), "nested": nested()}
for kind, table in tables.items():
    (OUT / f"{kind}.json").write_text(json.dumps([{k: told(v) for k, v in row.items()} for row in table.to_pylist()]))
    for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
        keep(f"{kind}-{codec}", table, compression=codec)
    keep(f"{kind}-v2", table, data_page_version="2.0", compression="zstd")
    keep(f"{kind}-plain", table, use_dictionary=False, compression="none", write_page_index=True)
encodings = {"f4": "BYTE_STREAM_SPLIT", "f8": "BYTE_STREAM_SPLIT", "i64": "DELTA_BINARY_PACKED", "i32": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY", "blob": "DELTA_LENGTH_BYTE_ARRAY", "flag": "RLE"}
keep("flat-encodings", tables["flat"], use_dictionary=False, column_encoding=encodings, version="2.6", data_page_version="2.0")
