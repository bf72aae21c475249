#!/usr/bin/env python3
"""describe: mlspec against polars' read_csv and describe, and ydata-profiling.

    python3 tests/bench/describe.py --mlspec build/mlspec

Two tables made by data/generate.sh: 1,000,000 rows of 28 numeric columns and
a target, and 500,000 mixed rows.  Whole processes take turns, each run once
untimed first.  "read" and "describe" are what each contender measured inside;
"all" of mlspec is the whole process, of the Python ones reading and describing
without their imports.

Handicaps: mlspec infers kinds over the whole file, counts distinct values
and repeated rows, and draws histograms; polars does none of these.
ydata-profiling runs once in each of its modes, and only when --ydata is given:
"minimal" leaves out correlations, "default" has them (without the plots of
interactions); neither makes the HTML.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATE = os.path.join(HERE, "..", "..", "data", "generate.sh")

POLARS = """
import sys, time, polars
start = time.perf_counter()
table = polars.read_csv(sys.argv[1], infer_schema_length=10000)
read = time.perf_counter()
table.describe()
end = time.perf_counter()
print(read - start, end - read, end - start)
"""

YDATA = """
import sys, time, pandas
from ydata_profiling import ProfileReport
start = time.perf_counter()
table = pandas.read_csv(sys.argv[1])
read = time.perf_counter()
ProfileReport(table, minimal=sys.argv[2] == "minimal", interactions=None,
              progress_bar=False).get_description()
end = time.perf_counter()
print(read - start, end - read, end - start)
"""


def python(code, data, *more):
    done = subprocess.run([sys.executable, "-c", code, data, *more], check=True,
                          stdout=subprocess.PIPE)
    return tuple(float(x) for x in done.stdout.split())


def mlspec(program, data, threads):
    start = time.perf_counter()
    done = subprocess.run([program, "describe", "--json", "--threads",
                           str(threads), data], check=True,
                          stdout=subprocess.PIPE)
    all_seconds = time.perf_counter() - start
    seconds = json.loads(done.stdout)["seconds"]
    return seconds["read"], seconds["prepare"], all_seconds


def show(name, runs):
    columns = list(zip(*runs))
    text = "  ".join(
        f"{what} {statistics.median(c):7.3f} ({min(c):.3f}-{max(c):.3f})"
        for what, c in zip(("read", "describe", "all"), columns))
    print(f"  {name:20} {text}")
    return statistics.median(columns[2])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--ydata", action="store_true")
    parser.add_argument("--folder", help="where numeric.csv and mixed.csv are,"
                        " or will be made and kept")
    args = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(args.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or scratch
        for table, make in ("numeric", ["1000000", "28", "1"]), \
                           ("mixed", ["500000", "1"]):
            data = os.path.join(folder, table + ".csv")
            if not os.path.exists(data):
                with open(data, "w") as out:
                    subprocess.run(["sh", GENERATE, table, *make], stdout=out,
                                   check=True)
            contenders = {
                "mlspec": lambda: mlspec(args.mlspec, data, args.threads)}
            try:
                import polars
                del polars
                contenders["polars"] = lambda: python(POLARS, data)
            except ImportError:
                print("left out: polars is not installed")
            runs = {name: [] for name in contenders}
            for name, work in contenders.items():
                work()
            for _ in range(args.rounds):
                for name, work in contenders.items():
                    runs[name].append(work())
            size = os.path.getsize(data) / 1e6
            print(f"{table}: {size:.0f} MB, {args.threads} threads, "
                  f"{args.rounds} rounds, seconds")
            medians = {name: show(name, r) for name, r in runs.items()}
            for mode in ("minimal", "default") if args.ydata else ():
                medians[f"ydata {mode}"] = show(f"ydata {mode}",
                                                [python(YDATA, data, mode)])
            for name, seconds in medians.items():
                if name != "mlspec":
                    print(f"  {name} / mlspec: "
                          f"{seconds / medians['mlspec']:.2f}")


if __name__ == "__main__":
    main()
