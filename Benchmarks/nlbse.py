"""The issues of NLBSE'24's competition on issue report classification."""

import csv
import os


def read_nlbse(folder):
    """Of both parts, oldest first, from issues_train.csv and issues_test.csv."""
    csv.field_size_limit(1 << 30)
    rows = []
    for part in ("train", "test"):
        with open(os.path.join(folder, f"issues_{part}.csv"), newline="") as file:
            for row in csv.DictReader(file):
                rows.append(
                    {
                        "part": part,
                        "repository": row["repo"],
                        "created": row["created_at"],
                        "title": row["title"] or "",
                        "description": row["body"] or "",
                        "labels": [row["label"]],
                    }
                )
    return sorted(rows, key=lambda row: row["created"])
