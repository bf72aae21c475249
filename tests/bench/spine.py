#!/usr/bin/env python3
"""Start-up, a small training, and prediction in little memory.

    python3 tests/bench/spine.py --mlspec build/mlspec [--rounds 15]

Measures whole processes, interleaved, and prints medians with their spread:

  help      mlspec --help
  iris      train on iris: mlspec, liblinear's `liblinear-train` (Debian package
            liblinear-tools), and a Python script with pandas and scikit-learn
  predict   1,000,000 rows of 10 numeric columns: peak memory and rows/s

Peers that are not installed are left out and named.  Every contender does
the whole job of a user: CSV in, model file out (liblinear cannot read CSV: it
gets its own format, ready made).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

SCRIPT = """
import sys, pickle
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression
t = pd.read_csv(sys.argv[1])
m = make_pipeline(StandardScaler(), LogisticRegression())
m.fit(t.drop(columns="species"), t["species"])
pickle.dump(m, open(sys.argv[2], "wb"))
"""


def timed(command, **kwargs):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, **kwargs)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{message.decode()}")
    return seconds, usage.ru_maxrss / 1024


def interleave(contenders, rounds):
    """Medians, smallest and largest of seconds; largest of memory."""
    results = {name: [] for name in contenders}
    for name, command in contenders.items():
        timed(command)  # warm the files
    for _ in range(rounds):
        for name, command in contenders.items():
            results[name].append(timed(command))
    return {name: (statistics.median(s for s, _ in runs),
                   min(s for s, _ in runs), max(s for s, _ in runs),
                   max(m for _, m in runs))
            for name, runs in results.items()}


def show(title, results):
    print(title)
    for name, (median, low, high, memory) in results.items():
        print(f"  {name:28} {median * 1e3:9.1f} ms "
              f"({low * 1e3:.1f}-{high * 1e3:.1f})  {memory:7.1f} MB")


def liblinear_file(csv, path):
    classes = {}
    with open(csv) as rows, open(path, "w") as out:
        next(rows)
        for row in rows:
            *x, y = row.strip().split(",")
            label = classes.setdefault(y, len(classes))
            cells = " ".join(f"{i + 1}:{v}" for i, v in enumerate(x))
            out.write(f"{label} {cells}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--python", default=sys.executable,
                        help="a Python that has pandas and scikit-learn")
    parser.add_argument("--rows", type=int, default=1000000)
    args = parser.parse_args()
    mlspec = os.path.abspath(args.mlspec)
    iris = os.path.join(ROOT, "data", "iris.csv")
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "m.mlspec")
        show("help", interleave({"mlspec --help": [mlspec, "--help"]},
                                args.rounds))
        contenders = {}
        for threads in 1, 2:
            contenders[f"mlspec, {threads} threads"] = [
                mlspec, "train", "-q", iris, "-t", "species", "-o", model,
                "--threads", str(threads)]
        if shutil.which("liblinear-train"):
            data = os.path.join(folder, "iris.svm")
            liblinear_file(iris, data)
            contenders["liblinear-train -s 0"] = [
                "liblinear-train", "-q", "-s", "0", data,
                os.path.join(folder, "m.liblinear")]
        else:
            print("left out: liblinear-train is not installed")
        script = os.path.join(folder, "train.py")
        with open(script, "w") as file:
            file.write(SCRIPT)
        try:
            timed([args.python, "-c", "import pandas, sklearn"])
            contenders["Python script"] = [
                args.python, script, iris, os.path.join(folder, "m.pickle")]
        except SystemExit:
            print("left out: no Python with pandas and scikit-learn")
        show("train on iris", interleave(contenders, args.rounds))
        table = os.path.join(folder, "large.csv")
        with open(table, "w") as out:
            subprocess.run(["sh", os.path.join(ROOT, "data", "generate.sh"),
                            "binary", str(args.rows), "10", "1"],
                           stdout=out, check=True)
        with open(table) as large:
            names = large.readline().strip().split(",")
            small = os.path.join(folder, "small.csv")
            with open(small, "w") as out:
                out.write(",".join(names) + "\n")
                for _ in range(20000):
                    out.write(large.readline())
        timed([mlspec, "train", "-q", small, "-t", names[-1], "-o", model])
        contenders = {
            f"mlspec predict, {threads} threads": [
                mlspec, "predict", "-q", "-m", model, table, "--proba",
                "-o", os.path.join(folder, "p.csv"), "--threads",
                str(threads)]
            for threads in (1, 2)}
        show(f"predict {args.rows:,} rows x 10 columns",
             interleave(contenders, 3))
    print("(memory: the largest resident set of any run)")


if __name__ == "__main__":
    main()
