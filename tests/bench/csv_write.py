#!/usr/bin/env python3
"""Writing a table of reals as CSV: mlspec, polars, pyarrow.

    python3 tests/bench/csv_write.py --bench build/tests/bench_csv_write

(a build with -DMLS_BENCH=ON.)  1,000,000 rows of 28 columns, standard normal:
once full doubles, once rounded to six decimals.  The table is in memory; the
clock runs from the call to the complete file.  Files go to --folder, by
default /dev/shm, so that no disk is timed.  Contenders take turns; each writes
once untimed first and removes that file, so that the clock sees memory pages
that the machine has given before: new ones cost more than all else.

Handicaps: mlspec writes beside the final name, syncs and renames; the others
write in place and do not sync.  mlspec and polars write the shortest text that
reads back to the same double, and so does pyarrow.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy


def mlspec(args, data, threads):
    """The second of two writes of a fresh process."""
    out = os.path.join(args.folder, "mlspec.csv")
    process = subprocess.run(
        [args.bench, data, str(args.rows), str(args.columns), out,
         str(threads), "2"], stdout=subprocess.PIPE, check=True)
    size = os.path.getsize(out)
    os.unlink(out)
    return float(process.stdout.split()[1]), size


def peers(args, table, which):
    out = os.path.join(args.folder, "peer.csv")
    seconds = 0
    for _ in range(2):
        if os.path.exists(out):
            os.unlink(out)
        start = time.perf_counter()
        if which == "polars":
            table.write_csv(out)
        else:
            import pyarrow.csv
            pyarrow.csv.write_csv(table, out)
        seconds = time.perf_counter() - start
    size = os.path.getsize(out)
    os.unlink(out)
    return seconds, size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--columns", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(args.threads)
    random = numpy.random.default_rng(1)
    full = random.standard_normal((args.rows, args.columns))
    for name, values in ("full doubles", full), ("six decimals",
                                                 numpy.round(full, 6)):
        data = os.path.join(args.folder, "table.f64")
        values.tofile(data)
        columns = {f"x{i}": numpy.ascontiguousarray(values[:, i])
                   for i in range(args.columns)}
        contenders = {
            f"mlspec, {n} threads": (lambda n=n: mlspec(args, data, n))
            for n in sorted({1, args.threads})}
        try:
            import polars
            frame = polars.DataFrame(columns)
            contenders["polars"] = lambda: peers(args, frame, "polars")
        except ImportError:
            print("left out: polars is not installed")
        try:
            import pyarrow
            table = pyarrow.table(columns)
            contenders["pyarrow"] = lambda: peers(args, table, "pyarrow")
        except ImportError:
            print("left out: pyarrow is not installed")
        runs = {c: [] for c in contenders}
        for _ in range(args.rounds):
            for c, write in contenders.items():
                runs[c].append(write())
        os.unlink(data)
        print(f"{name}: {args.rows:,} rows x {args.columns} columns, "
              f"{args.threads} threads, {args.rounds} rounds")
        best = min((statistics.median(s for s, _ in r)
                    for c, r in runs.items() if "mlspec" not in c),
                   default=None)
        for c, r in runs.items():
            seconds = [s for s, _ in r]
            median = statistics.median(seconds)
            ratio = f"  {best / median:5.2f}x" if best else ""
            print(f"  {c:20} {median:7.3f} s ({min(seconds):.3f}-"
                  f"{max(seconds):.3f})  {r[0][1] / median / 1e6:6.0f} MB/s"
                  f"{ratio}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
