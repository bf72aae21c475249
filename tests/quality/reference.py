#!/usr/bin/env python3
"""The values in results.csv that come from scikit-learn: prints them.

The same data, steps and penalties as mlspec's defaults, measured on the rows
trained on, so that no random split stands between the two.
"""
import os

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data")


def steps(x):
    numeric = x.select_dtypes("number").columns
    other = [c for c in x.columns if c not in numeric]

    class Numbers:
        """Impute, scale, and the indicators as they are."""

        def fit(self, t, y=None):
            self.holes = t.isna().any()
            self.impute = SimpleImputer(strategy="median").fit(t)
            self.scale = StandardScaler().fit(self.impute.transform(t))
            return self

        def transform(self, t):
            values = self.scale.transform(self.impute.transform(t))
            holes = t.isna().to_numpy()[:, self.holes.to_numpy()]
            return np.hstack([values, holes.astype(float)])

        def fit_transform(self, t, y=None):
            return self.fit(t).transform(t)

        def get_params(self, deep=True):
            return {}

    parts = [(Numbers(), list(numeric))]
    if other:
        parts.append((OneHotEncoder(drop="if_binary", sparse_output=False),
                      other))
    return make_column_transformer(*parts)


def show(table, target, learner, params, model, metrics):
    t = pd.read_csv(os.path.join(DATA, table + ".csv"))
    t = t[t[target].notna()]
    x, y = t.drop(columns=target), t[target]
    fitted = make_pipeline(steps(x), model).fit(x, y)
    for name, metric in metrics.items():
        value = metric(fitted, x, y)
        print(f"{table},{target},{learner},{params},{name},{value!r},1e-6,"
              "scikit-learn")


def auc(m, x, y):
    return float(roc_auc_score(y == m.classes_[1], m.predict_proba(x)[:, 1]))


def loss(m, x, y):
    return float(log_loss(y, m.predict_proba(x)))


def accuracy(m, x, y):
    return float(accuracy_score(y, m.predict(x)))


def rmse(m, x, y):
    return float(root_mean_squared_error(y, m.predict(x)))


def r2(m, x, y):
    return float(r2_score(y, m.predict(x)))


def logistic(l2):
    return LogisticRegression(C=1 / l2, tol=1e-12, max_iter=10000)


show("iris", "species", "logistic", "l2=1", logistic(1),
     {"log_loss": loss, "accuracy": accuracy})
show("wine", "cultivar", "logistic", "l2=0.5", logistic(0.5),
     {"log_loss": loss})
show("breast_cancer", "diagnosis", "logistic", "l2=1", logistic(1),
     {"log_loss": loss, "roc_auc": auc})
show("penguins", "sex", "logistic", "l2=1", logistic(1),
     {"log_loss": loss, "roc_auc": auc})
show("penguins", "species", "logistic", "l2=3", logistic(3),
     {"log_loss": loss})
show("diabetes", "progression", "ridge", "l2=10", Ridge(alpha=10),
     {"rmse": rmse, "r2": r2})
show("anes96", "vote", "logistic", "l2=1", logistic(1),
     {"log_loss": loss, "roc_auc": auc})
