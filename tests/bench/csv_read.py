#!/usr/bin/env python3
"""File to typed columns, in a fresh process, beside other libraries.

    cmake -DMLS_BENCH=ON -B build && cmake --build build
    sh data/generate.sh numeric 1600000 28 1 > numeric.csv
    python3 tests/bench/csv_read.py --read-table build/tests/bench_read_table \\
        --python /path/to/python numeric.csv [mixed.csv ...]

Every reading is a process of its own, the contenders take turns, and each
touches, untimed, as much memory as the largest of them uses before its clock
starts (cold pages of a virtual machine cost seconds).  Files may be .gz or
.zst, read by all as they are; MB/s are then of what they hold.  The clock holds the one
call that reads the file; imports and the start of the interpreter are left out,
in favour of the others.  Kinds are inferred by all.  Handicaps: only mlspec
makes codes and dates of strings here, watches every cell for its rules of kinds
and keeps the line of each row; the others leave strings and dates as text
(DuckDB finds dates).  Reported: medians, smallest and largest, peak memory, and
mlspec's throughput over that of the fastest other.
"""

import argparse
import os
import statistics
import subprocess
import sys

TOUCH = """
import ctypes, mmap, sys, time
def touch(megabytes):
    m = mmap.mmap(-1, megabytes << 20)
    for i in range(0, megabytes << 20, 4096):
        m[i] = 1
    m.close()
path, threads, megabytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
"""

READERS = {
    "polars": """
import os
os.environ["POLARS_MAX_THREADS"] = str(threads)
import polars
touch(megabytes)
start = time.perf_counter()
t = polars.read_csv(path)
""",
    "pandas C": """
import pandas
touch(megabytes)
start = time.perf_counter()
t = pandas.read_csv(path, engine="c")
""",
    "pandas pyarrow": """
import pandas, pyarrow
pyarrow.set_cpu_count(threads)
pandas.read_csv
import pyarrow.csv
touch(megabytes)
start = time.perf_counter()
t = pandas.read_csv(path, engine="pyarrow")
""",
    "pyarrow": """
import pyarrow
import pyarrow.csv
pyarrow.set_cpu_count(threads)
options = pyarrow.csv.ReadOptions(use_threads=threads > 1)
touch(megabytes)
start = time.perf_counter()
t = pyarrow.csv.read_csv(path, read_options=options)
""",
    "duckdb": """
import duckdb
db = duckdb.connect()
db.execute(f"SET threads = {threads}")
touch(megabytes)
start = time.perf_counter()
db.execute("CREATE TABLE t AS SELECT * FROM read_csv_auto(?)", [path])
""",
}

REPORT = """
seconds = time.perf_counter() - start
import resource
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def other(python, name, path, threads, megabytes):
    done = subprocess.run(
        [python, "-c", TOUCH + READERS[name] + REPORT, path, str(threads),
         str(megabytes)], capture_output=True, text=True)
    if done.returncode:
        return None
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def ours(program, path, threads, megabytes):
    done = subprocess.run([program, path, str(threads)], check=True,
                          capture_output=True, text=True,
                          env=dict(os.environ,
                                   MLS_BENCH_TOUCH=str(megabytes)))
    words = done.stdout.split()
    return float(words[0]), float(words[words.index("peak") + 1])


def held_bytes(path):
    """The size of a table, unpacked."""
    tool = {".gz": "gzip", ".zst": "zstd"}.get(os.path.splitext(path)[1])
    if tool is None:
        return os.path.getsize(path)
    with subprocess.Popen([tool, "-dc", path],
                          stdout=subprocess.PIPE) as unpacked:
        return sum(len(piece) for piece in
                   iter(lambda: unpacked.stdout.read(1 << 20), b""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--read-table", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=list(READERS))
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    for path in args.files:
        size = held_bytes(path) / 1e6
        megabytes = int(size * 3)
        for threads in args.threads:
            results = {"mlspec": []}
            for name in args.only:
                if other(args.python, name, path, threads, 1) is None:
                    print(f"left out: {name} does not run here")
                else:
                    results[name] = []
            for _ in range(args.rounds):
                for name, runs in results.items():
                    runs.append(
                        ours(args.read_table, path, threads, megabytes)
                        if name == "mlspec" else
                        other(args.python, name, path, threads, megabytes))
            print(f"{os.path.basename(path)}, {size:.0f} MB, "
                  f"{threads} threads")
            medians = {}
            for name, runs in results.items():
                times = [seconds for seconds, _ in runs]
                medians[name] = statistics.median(times)
                print(f"  {name:16} {size / medians[name]:7.0f} MB/s "
                      f"({size / max(times):.0f}-{size / min(times):.0f})"
                      f"  peak {max(m for _, m in runs):.0f} MB",
                      flush=True)
            fastest = min(t for n, t in medians.items() if n != "mlspec")
            print(f"  mlspec over the fastest other: "
                  f"{fastest / medians['mlspec']:.2f}", flush=True)


if __name__ == "__main__":
    main()
