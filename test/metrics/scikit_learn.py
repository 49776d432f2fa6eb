"""Writes scikit-learn.json: the values of the library's metrics by scikit-learn and SciPy, for the rows on standard input.

node test/metrics/print-rows.ts | /usr/bin/python3 test/metrics/scikit_learn.py
"""
import json
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn import metrics as m

rows = json.load(sys.stdin)
label = np.array(rows["label"])
target = np.array(rows["target"])
y = np.array(rows["y"], dtype=np.float64)
keep = np.array(rows["keep"])
x = np.array(rows["x"], dtype=np.float64).reshape(len(label), -1)
score = x[:, 0]
guess = x.argmax(axis=1)
claimed = score > 0
classes = list(range(x.shape[1]))
shifted = x - x.max(axis=1, keepdims=True)
surprisal = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(label)), label]
confusion = m.confusion_matrix(label, guess, labels=classes)
others = confusion.sum() - confusion.sum(axis=1)

probability = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
sigmoid = 1 / (1 + np.exp(-score))


def calibration_error(bins, weight):
    sure = probability.max(axis=1)
    right = guess == label
    bin = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = 0
    for k in range(bins):
        inside, share = bin == k, weight[bin == k]
        if share.sum() > 0:
            gap = np.average(right[inside], weights=share) - np.average(sure[inside], weights=share)
            gaps += share.sum() * abs(gap)
    return gaps / weight.sum()


# A class that is never given has precision 0, as here.
zero = {"zero_division": 0}
expected = {
    "accuracy": m.accuracy_score(label, guess),
    "kept_accuracy": m.accuracy_score(label, guess, sample_weight=keep),
    "binary_accuracy": m.accuracy_score(target, claimed),
    "precision_macro": m.precision_score(label, guess, average="macro", **zero),
    "precision_weighted": m.precision_score(label, guess, average="weighted", **zero),
    "precision_none": list(m.precision_score(label, guess, average=None, labels=classes, **zero)),
    "recall_macro": m.recall_score(label, guess, average="macro", **zero),
    "recall_none": list(m.recall_score(label, guess, average=None, labels=classes, **zero)),
    "f1_macro": m.f1_score(label, guess, average="macro"),
    "f1_micro": m.f1_score(label, guess, average="micro"),
    "f1_weighted": m.f1_score(label, guess, average="weighted"),
    "f1_none": list(m.f1_score(label, guess, average=None, labels=classes)),
    "f2_macro": m.fbeta_score(label, guess, beta=2, average="macro"),
    "kept_f1": m.f1_score(label, guess, average="macro", sample_weight=keep),
    "specificity_none": list((others - confusion.sum(axis=0) + confusion.diagonal()) / others),
    "balanced_accuracy": m.balanced_accuracy_score(label, guess),
    "matthews": m.matthews_corrcoef(label, guess),
    "kappa": m.cohen_kappa_score(label, guess),
    "confusion": confusion.tolist(),
    "kept_confusion": m.confusion_matrix(label, guess, labels=classes, sample_weight=keep).tolist(),
    "binary_precision": m.precision_score(target, claimed),
    "binary_recall": m.recall_score(target, claimed),
    "binary_f1": m.f1_score(target, claimed),
    "binary_specificity": m.recall_score(1 - target, ~claimed),
    "roc_auc": m.roc_auc_score(target, score),
    "kept_roc_auc": m.roc_auc_score(target, score, sample_weight=keep),
    "pr_auc": m.average_precision_score(target, score),
    "kept_pr_auc": m.average_precision_score(target, score, sample_weight=keep),
    "brier": m.brier_score_loss(target, sigmoid),
    "kept_brier": m.brier_score_loss(target, sigmoid, sample_weight=keep),
    "calibration": calibration_error(15, np.ones(len(label))),
    "kept_calibration": calibration_error(4, keep.astype(float)),
    "spearman": spearmanr(score, y)[0],
    "r2": m.r2_score(y, score + y),
    "explained_variance": m.explained_variance_score(y, score + y),
    "mean_of_y": np.average(y, weights=keep),
    "mae": m.mean_absolute_error(y, score),
    "rmse": m.mean_squared_error(y, score) ** 0.5,
    "mape": m.mean_absolute_percentage_error(y, score),
    "max_error": m.max_error(y, score),
    "median_error": m.median_absolute_error(y, score),
    "perplexity": float(np.exp(surprisal.mean())),
    "bits": float(surprisal.mean() / np.log(2)),
    "one_minus": 1 - m.accuracy_score(label, guess),
}
path = Path(__file__).with_name("scikit-learn.json")
path.write_text(json.dumps(expected, indent=1) + "\n")
