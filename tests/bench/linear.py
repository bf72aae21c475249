#!/usr/bin/env python3
"""Linear models against scikit-learn: fits alone, at equal objective.

    python3 tests/bench/linear.py --mlspec build/mlspec [--rounds 5] [--scale 1]

PYTHON needs numpy, polars and scikit-learn.  Each contender fits the same
table; they take turns, with 1 and with 2 threads, and the medians with their
spread are printed, and how far each objective is above the lowest (relative).

mlspec's time is `seconds.fit` of its own --json report: fingerprint and all of
the fit; scikit-learn's is that of .fit() on a matrix that lies in memory as it
likes it best.  Neither holds reading.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np
import polars as pl
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from threadpoolctl import threadpool_limits


def logistic_table(n, p):
    r = np.random.default_rng(1)
    x = r.normal(size=(n, p))
    s = x @ (r.normal(size=p) * 0.3) + 0.2
    return x, (r.random(n) < 1 / (1 + np.exp(-s))).astype(float)


def regression_table(n, p):
    r = np.random.default_rng(2)
    x = r.normal(size=(n, p))
    return x, x @ r.normal(size=p) + 3 * r.normal(size=n)


def logistic_loss(x, y, b, b0):
    s = x @ b + b0
    return np.logaddexp(0, np.where(y > 0, -s, s)).sum() + b @ b / 2


def squares(l2):
    return lambda x, y, b, b0: ((y - x @ b - b0) ** 2).sum() + l2 * (b @ b)


def peer(make):
    def fit(x, y, threads):
        with threadpool_limits(threads):
            start = time.perf_counter()
            m = make().fit(x, y)
            seconds = time.perf_counter() - start
        return seconds, np.ravel(m.coef_), float(np.ravel(m.intercept_)[0])

    return fit


def ours(mlspec, csv, folder, learner, settings):
    model = os.path.join(folder, "model")

    def fit(x, y, threads):
        command = [mlspec, "train", csv, "-t", "y", "-o", model, "--json",
                   "--learner", learner, "--steps", os.path.join(
                       folder, "none.json"), "--threads", str(threads)]
        report = json.loads(subprocess.run(
            command + settings, check=True, capture_output=True).stdout)
        about = json.loads(subprocess.run(
            [mlspec, "inspect", "--json", model], check=True,
            capture_output=True).stdout)["pipeline"]["model"]
        b = {c["feature"]: c["value"] for c in about["coefficients"]}
        return (report["seconds"]["fit"],
                np.array([b[f"x{j:03}"] for j in range(x.shape[1])]),
                about["intercept"])

    return fit


def compare(title, x, y, loss, contenders, rounds):
    for threads in (1, 2):
        times = {name: [] for name in contenders}
        best = {}
        for _ in range(rounds):
            for name, fit in contenders.items():
                seconds, b, b0 = fit(x, y, threads)
                times[name].append(seconds)
                best[name] = loss(x, y, b, b0)
        lowest = min(best.values())
        for name, t in times.items():
            print(f"{title}, {threads} thread(s), {name}: median "
                  f"{statistics.median(t):.3f} s ({min(t):.3f} to {max(t):.3f}), "
                  f"objective +{best[name] / lowest - 1:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1,
                        help="share of the full number of rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        csv = os.path.join(folder, "table.csv")
        with open(os.path.join(folder, "none.json"), "w") as file:
            file.write("[]")

        def write(x, y):
            names = [f"x{j:03}" for j in range(x.shape[1])]
            pl.DataFrame(x, schema=names).with_columns(
                y=pl.Series(y)).write_csv(csv)

        x, y = logistic_table(int(800_000 * options.scale), 28)
        write(x, y.astype(int))
        compare("logistic 800,000 x 28", x, y, logistic_loss, {
            "mlspec": ours(options.mlspec, csv, folder, "logistic", []),
            "newton-cholesky": peer(lambda: LogisticRegression(
                solver="newton-cholesky", tol=1e-6)),
            "lbfgs": peer(lambda: LogisticRegression()),
        }, options.rounds)
        x, y = regression_table(int(400_000 * options.scale), 100)
        write(x, y)
        compare("least squares 400,000 x 100", x, y, squares(0), {
            "mlspec": ours(options.mlspec, csv, folder, "linear", []),
            "LinearRegression": peer(LinearRegression),
        }, options.rounds)
        compare("ridge 400,000 x 100", x, y, squares(1), {
            "mlspec": ours(options.mlspec, csv, folder, "ridge",
                           ["--l2", "1"]),
            "cholesky": peer(lambda: Ridge(solver="cholesky")),
        }, options.rounds)


if __name__ == "__main__":
    main()
