#!/usr/bin/env python3
"""Least squares, ridge, the lasso's path and products of matrices against
scikit-learn, glmnet and numpy.

    PYTHON tests/bench/least_squares.py --build build/tests [--rounds 5]
        [--what ols,ridge,path,wide,gemm] [--threads 1,2] [--folder DIR]

PYTHON needs numpy and scikit-learn; Rscript with glmnet takes part in the paths
when it is there.  The programs in build/tests are built with -DMLS_BENCH=ON.

Contenders fit the same matrix, which lies in memory as they like it best, and
take turns; medians with their spread are printed, and how far each objective is
above the lowest, relatively.  Of mlspec's fits in one process the first is left
out, for it opens the BLAS library; so is the first of every other contender.

  ols, ridge  400,000 x 100 normal numbers; ridge with a penalty of 1
  path        the same, 100 penalties from the largest to a thousandth of it
  wide        2,000 x 5,000 with correlated columns, of which 50 matter; 100
              penalties to a hundredth
  gemm        products of 2,000 x 2,000 in double and single precision, and X'X of 400,000 x 100

The paths end at the tolerance that each contender has by default.  mlspec and
glmnet start from the table as it is; scikit-learn's lasso_path knows no
intercept, so the table is centred for it: it is timed with the centring, as it
has to be used, and without.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge, lasso_path
from threadpoolctl import threadpool_limits

SHAPES = {"tall": (400_000, 100), "wide": (2_000, 5_000)}
GLMNET = """
suppressMessages(library(glmnet))
a <- commandArgs(TRUE); n <- as.integer(a[2]); p <- as.integer(a[3])
f <- file(a[1], "rb"); x <- matrix(readBin(f, "double", n * p), n, p)
y <- readBin(f, "double", n); l <- scan(a[4], quiet = TRUE)
s <- c()
for (k in 1:(as.integer(a[5]) + 1)) {
  t <- system.time(m <- glmnet(x, y, lambda = l / n, standardize = FALSE,
                               type.gaussian = a[7]))
  s <- c(s, t[["elapsed"]])
}
writeBin(as.vector(rbind(as.numeric(m$a0), as.matrix(m$beta))), a[6])
cat(s[-1], "\\n")
"""


def table(name, folder):
    n, p = SHAPES[name]
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        r = np.random.default_rng(2)
        x = r.normal(size=(p, n))
        if name == "wide":
            x += r.normal(size=(p, 5)) @ r.normal(size=(5, n)) * 0.5
            b = r.normal(size=p) * (np.arange(p) < 50)
        else:
            b = r.normal(size=p) * (np.arange(p) % 3 == 0)
        with open(path, "wb") as file:
            x.tofile(file)
            (b @ x + 3 * r.normal(size=n)).tofile(file)
    cells = np.fromfile(path)
    return path, cells[:n * p].reshape(p, n).T, cells[n * p:]


def show(title, threads, times, above):
    for name, t in times.items():
        t = t[1:] if len(t) > 1 else t
        text = f", objective +{above[name]:.1e}" if name in above else ""
        print(f"{title}, {threads} thread(s), {name}: median "
              f"{statistics.median(t):.3f} s ({min(t):.3f} to {max(t):.3f})"
              f"{text}", flush=True)


def fits(options, what, threads):
    path, x, y = table("tall", options.folder)
    learner, l2, settings = (("linear", 0, []) if what == "ols"
                             else ("ridge", 1, ["l2=1"]))
    make = LinearRegression if what == "ols" else (
        lambda: Ridge(solver="cholesky"))
    times, best = {"mlspec": [], "scikit-learn": []}, {}

    def objective(b, b0):
        r = y - x @ b - b0
        return r @ r + l2 * (b @ b)

    for _ in range(options.rounds + 1):
        report = json.loads(subprocess.run(
            [os.path.join(options.build, "bench_fit"), learner, path,
             str(x.shape[0]), str(x.shape[1]), "0", str(threads), "2",
             *settings], check=True, capture_output=True).stdout)
        times["mlspec"].append(report["seconds"][-1])
        best["mlspec"] = objective(np.array(report["coef"]),
                                   report["intercept"][0])
        with threadpool_limits(threads):
            start = time.perf_counter()
            m = make().fit(x, y)
            times["scikit-learn"].append(time.perf_counter() - start)
        best["scikit-learn"] = objective(m.coef_, m.intercept_)
    lowest = min(best.values())
    show(what, threads, times, {k: v / lowest - 1 for k, v in best.items()})


def paths(options, name, threads):
    path, x, y = table(name, options.folder)
    n, p = x.shape
    least = -3 if name == "tall" else -2
    centred, target = x - x.mean(0), y - y.mean()
    penalties = abs(centred.T @ target).max() * 10.0 ** np.linspace(
        0, least, 100)
    times, best = {}, {}

    def objectives(b):
        return np.array([((target - centred @ b[:, k]) ** 2).sum() / 2
                         + penalties[k] * abs(b[:, k]).sum()
                         for k in range(0, 100, 9)])

    for _ in range(options.rounds + 1):
        report = json.loads(subprocess.run(
            [os.path.join(options.build, "bench_lasso_path"), path, str(n),
             str(p), str(threads), "2", "100", str(least)], check=True,
            capture_output=True).stdout)
        times.setdefault("mlspec", []).append(report["seconds"][-1])
        best["mlspec"] = np.array(report["objective"])[::9]
        for peer in options.peers.split(","):
            if peer == "glmnet":
                continue
            with threadpool_limits(threads):
                start = time.perf_counter()
                own, own_target = x - x.mean(0), y - y.mean()
                middle = time.perf_counter()
                b = lasso_path(own, own_target, alphas=penalties / n,
                               precompute=peer == "gram", copy_X=False)[1]
                end = time.perf_counter()
            times.setdefault(peer, []).append(end - start)
            times.setdefault(peer + ", centred before", []).append(
                end - middle)
            best[peer] = objectives(b)
    if shutil.which("Rscript") and threads == 1 and "glmnet" in options.peers:
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "path.R")
            np.savetxt(os.path.join(folder, "l"), penalties)
            with open(script, "w") as file:
                file.write(GLMNET)
            out = os.path.join(folder, "b")
            seconds = subprocess.run(
                ["Rscript", script, path, str(n), str(p),
                 os.path.join(folder, "l"), str(options.rounds), out,
                 "covariance" if p < 500 else "naive"],
                check=True, capture_output=True, text=True).stdout
            times["glmnet"] = [0.0] + [float(s) for s in seconds.split()]
            b = np.fromfile(out).reshape(-1, p + 1).T[1:]
            if b.shape[1] == 100:
                best["glmnet"] = objectives(b)
    lowest = np.min(list(best.values()), axis=0)
    show(f"path {n:,} x {p:,}", threads, times,
         {k: (v / lowest - 1).max() for k, v in best.items()})


def products(options, threads):
    r = np.random.default_rng(0)
    a, b = r.random((2000, 2000)), r.random((2000, 2000))
    tall = np.asfortranarray(r.random((400_000, 100)))
    times = {}
    fa, fb = a.astype(np.float32), b.astype(np.float32)
    for _ in range(options.rounds + 1):
        for size in ((2000, 2000, 2000), (400_000, 1, 100)):
            report = json.loads(subprocess.run(
                [os.path.join(options.build, "bench_gemm"),
                 *[str(s) for s in size], str(threads), "3"], check=True,
                capture_output=True).stdout)
            for key, seconds in report.items():
                if (size[0] == 2000) == (key != "gram"):
                    times.setdefault(f"mlspec {key}", []).append(
                        statistics.median(seconds[1:]))
        with threadpool_limits(threads):
            for key, one, two in (("product", a, b), ("transposed", a.T, b),
                                  ("product_float", fa, fb),
                                  ("transposed_float", fa.T, fb),
                                  ("gram", tall.T, tall)):
                start = time.perf_counter()
                one @ two
                times.setdefault(f"numpy {key}", []).append(
                    time.perf_counter() - start)
    show("gemm", threads, times, {})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--what", default="ols,ridge,path,wide,gemm")
    parser.add_argument("--peers", default="gram,glmnet")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.folder = options.folder or folder
        for threads in map(int, options.threads.split(",")):
            for what in options.what.split(","):
                if what in ("ols", "ridge"):
                    fits(options, what, threads)
                elif what == "gemm":
                    products(options, threads)
                else:
                    paths(options, {"path": "tall"}.get(what, what), threads)


if __name__ == "__main__":
    main()
