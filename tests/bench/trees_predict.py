#!/usr/bin/env python3
"""Scoring by trees, from doubles in memory, against other libraries.

    python3 tests/bench/trees_predict.py --program build/tests/bench_trees_predict
        [--rounds 5] [--rows 200000] [--folder /tmp]

PYTHON needs numpy, lightgbm, xgboost, catboost, lleaves, onnxruntime and
onnxmltools, ydf; what is missing is left out.  LightGBM grows 100 trees of 31
leaves over 28 columns; its trees are handed to mlspec, lleaves and onnxruntime,
and all must give its scores.  XGBoost and YDF grow as many of the same shape,
CatBoost 100 symmetric ones of depth 6, which are handed to mlspec too.  Each
gets the rows in the type that it likes best.  They take turns, with 1 and with
2 threads; medians with their spread are printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np

FEATURES = 28


def make_rows(n):
    r = np.random.default_rng(3)
    x = r.normal(size=(n, FEATURES))
    x[:, 5] = np.exp(x[:, 5])
    x[:, 9] = np.abs(x[:, 9]) ** 3
    s = (np.sin(x[:, 0] * 2) + x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3])
         + 0.3 * np.log(x[:, 5]) * x[:, 6] + 0.25 * x[:, 7:20].sum(1))
    return x, (r.random(n) < 1 / (1 + np.exp(0.5 - s))).astype(float)


def write_trees(trees, base, path):
    """trees: lists of (feature or -1, threshold, left, right, cover, value)."""
    out = [len(trees), base, 1]
    for nodes in trees:
        out.append(len(nodes))
        for node in nodes:
            out += node
    np.array(out, float).tofile(path)


def lightgbm_trees(booster):
    trees = []
    for tree in booster.dump_model()["tree_info"]:
        nodes = []

        def walk(at):
            i = len(nodes)
            nodes.append(None)
            if "leaf_value" in at:
                nodes[i] = (-1, 0, 0, 0, at.get("leaf_count", 1),
                            at["leaf_value"])
            else:
                left, right = walk(at["left_child"]), walk(at["right_child"])
                nodes[i] = (at["split_feature"], at["threshold"], left, right,
                            at["internal_count"], 0)
            return i

        walk(tree["tree_structure"])
        trees.append(nodes)
    return trees


def catboost_trees(model, path):
    model.save_model(path, format="json")
    trees = []
    for tree in json.load(open(path))["oblivious_trees"]:
        splits, values = tree["splits"], tree["leaf_values"]
        weights = tree["leaf_weights"]
        nodes = []

        # Split k is bit k of a leaf's number, set when the value is larger.
        def walk(k, leaf):
            i = len(nodes)
            nodes.append(None)
            if k < 0:
                nodes[i] = (-1, 0, 0, 0, weights[leaf], values[leaf])
            else:
                left = walk(k - 1, leaf)
                right = walk(k - 1, leaf | 1 << k)
                nodes[i] = (splits[k]["float_feature_index"],
                            splits[k]["border"], left, right, 1, 0)
            return i

        walk(len(splits) - 1, 0)
        trees.append(nodes)
    return trees


def ours(program, model, rows, threads, scores=None):
    command = [program, model, rows, str(FEATURES), str(threads)]
    return json.loads(subprocess.run(command + ([scores] if scores else []),
                                     check=True, capture_output=True).stdout)


def timed(predict, rows):
    def run(threads):
        start = time.perf_counter()
        predict(threads)
        return rows / (time.perf_counter() - start)

    return run


def try_peer(peers, name, make):
    try:
        peers[name] = make()
    except Exception as error:  # a library that is not there is left out
        print(f"{name}: left out ({type(error).__name__}: {error})")


def make_peers(x, y, booster, folder):
    n = len(x)
    x32 = np.ascontiguousarray(x, dtype=np.float32)
    peers = {"LightGBM": timed(
        lambda t: booster.predict(x, raw_score=True, num_threads=t), n)}

    def xgboost():
        import xgboost as xgb

        model = xgb.train({"objective": "binary:logistic", "max_leaves": 31,
                           "grow_policy": "lossguide", "max_depth": 0,
                           "learning_rate": 0.1, "tree_method": "hist"},
                          xgb.DMatrix(x32, y), 100)

        def predict(threads):
            model.set_param({"nthread": threads})
            model.inplace_predict(x32, predict_type="margin")

        return timed(predict, n)

    def lleaves():
        import lleaves as ll

        path = os.path.join(folder, "lightgbm.txt")
        booster.save_model(path)
        model = ll.Model(model_file=path)
        model.compile(raw_score=True)
        assert np.allclose(model.predict(x[:1000]),
                           booster.predict(x[:1000], raw_score=True))
        return timed(lambda t: model.predict(x, n_jobs=t), n)

    def onnx():
        import onnxmltools
        import onnxruntime as ort
        from onnxmltools.convert.common.data_types import FloatTensorType

        model = onnxmltools.convert_lightgbm(
            booster, initial_types=[("x", FloatTensorType([None, FEATURES]))],
            zipmap=False)
        sessions = {}
        for t in (1, 2):
            options = ort.SessionOptions()
            options.intra_op_num_threads = t
            sessions[t] = ort.InferenceSession(
                model.SerializeToString(), options,
                providers=["CPUExecutionProvider"])
        return timed(lambda t: sessions[t].run(None, {"x": x32}), n)

    def ydf():
        import ydf as y_df

        frame = {f"x{j}": x32[:, j] for j in range(FEATURES)}
        model = y_df.GradientBoostedTreesLearner(
            label="y", num_trees=100, max_num_nodes=31, max_depth=-1,
            growing_strategy="BEST_FIRST_GLOBAL", validation_ratio=0.0,
            early_stopping="NONE").train({**frame, "y": y.astype(int)})
        return timed(lambda t: model.predict(frame, num_threads=t), n)

    for name, make in (("XGBoost", xgboost), ("lleaves", lleaves),
                       ("onnxruntime", onnx), ("YDF", ydf)):
        try_peer(peers, name, make)
    return peers


def contributions(booster, x, threads):
    start = time.perf_counter()
    booster.predict(x[:10000], pred_contrib=True, num_threads=threads)
    return (time.perf_counter() - start) * 100  # microseconds a row


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--program", required=True)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--rows", type=int, default=200000)
    a.add_argument("--folder", default=None)
    a = a.parse_args()
    import lightgbm as lgb

    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        x, y = make_rows(a.rows)
        rows = os.path.join(folder, "rows")
        x.tofile(rows)
        booster = lgb.train({"objective": "binary", "num_leaves": 31,
                             "learning_rate": 0.1, "verbose": -1,
                             "num_threads": 2}, lgb.Dataset(x, y), 100)
        leafwise = os.path.join(folder, "leafwise")
        write_trees(lightgbm_trees(booster), 0, leafwise)
        scores = os.path.join(folder, "scores")
        ours(a.program, leafwise, rows, 1, scores)
        assert (np.fromfile(scores) == booster.predict(x, raw_score=True)).all()
        peers = make_peers(x, y, booster, folder)
        models = {"mlspec": leafwise}

        def catboost():
            import catboost as cb

            model = cb.CatBoostClassifier(iterations=100, depth=6,
                                          learning_rate=0.1, verbose=0)
            model.fit(x, y)
            path = os.path.join(folder, "symmetric")
            write_trees(catboost_trees(model, path + ".json"), 0, path)
            models["mlspec, symmetric"] = path
            return timed(lambda t: model.predict(
                x, prediction_type="RawFormulaVal", thread_count=t), a.rows)

        try_peer(peers, "CatBoost, symmetric", catboost)
        speed = {}
        other = {}
        for _ in range(a.rounds):
            for threads in (1, 2):
                for name, model in models.items():
                    got = ours(a.program, model, rows, threads)
                    speed.setdefault((name, threads), []).append(
                        got["rows_per_second"])
                    if threads == 1 and name == "mlspec":
                        for key in ("single_us", "contributions_us"):
                            other.setdefault(key, []).append(got[key])
                for name, run in peers.items():
                    speed.setdefault((name, threads), []).append(run(threads))
            other.setdefault("LightGBM contributions_us", []).append(
                contributions(booster, x, 1))
        for (name, threads), v in sorted(speed.items()):
            print(f"{name:22} {threads} threads  M rows/s "
                  f"{statistics.median(v) / 1e6:7.2f} "
                  f"({min(v) / 1e6:.2f}-{max(v) / 1e6:.2f})")
        for name, v in other.items():
            print(f"{name:34} {statistics.median(v):8.2f} "
                  f"({min(v):.2f}-{max(v):.2f})")


if __name__ == "__main__":
    main()
