#!/usr/bin/env python3
"""The exact vector search beside a plain loop and beside numpy, in one run.

    python3 Benchmarks/vectors.py [--program PATH] [--count N] [--dimension N] [--questions N]

The program is built by `swift build -c release --product VectorBench`. numpy has to be there: it
is what is compared with (`matrix @ question`, then `argpartition` of the greatest and their order).
All three see the same vectors, of length 1 and of chance, and have to find the same. Programs take
turns, three times each, and the medians are told. At least three times numpy's time is a failure.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import numpy
except ImportError:
    sys.exit("vectors.py compares with numpy: python3 -m pip install numpy")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORST = 3.0


def numpy_times(matrix, questions, top):
    times, found = [], []
    for question in questions:
        began = time.perf_counter()
        scores = matrix @ question
        best = numpy.argpartition(-scores, top)[:top]
        best = best[numpy.lexsort((best, -scores[best]))]
        times.append(time.perf_counter() - began)
        found.append(best.tolist())
    return times, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=os.path.join(ROOT, ".build/release/VectorBench"))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--top", type=int, default=20)
    options = parser.parse_args()
    generator = numpy.random.default_rng(7)
    rows = options.count + options.questions
    vectors = generator.standard_normal((rows, options.dimension), dtype=numpy.float32)
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    matrix, questions = vectors[: options.count], vectors[options.count :]
    numpy_times(matrix, questions[:2], options.top)
    ours, loops, theirs = [], [], []
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        vectors.tofile(file.name)
        for _ in range(3):
            command = [options.program, file.name, str(options.count), str(options.dimension)]
            command += [str(options.questions), str(options.top)]
            report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            times, found = numpy_times(matrix, questions, options.top)
            if not report["same"]:
                sys.exit("the search and the plain loop differ")
            for mine, other in zip(report["places"], found):
                if set(mine) != set(other):
                    sys.exit(f"the search and numpy differ: {mine} {other}")
            ours += report["search"]
            loops += report["loop"]
            theirs += times
    mine, loop, other = (statistics.median(part) * 1000 for part in (ours, loops, theirs))
    ratio = mine / other
    print(f"{options.count} vectors of {options.dimension} floats, the {options.top} nearest, exact")
    print(f"Stet's search  {mine:8.2f} ms  (best {min(ours) * 1000:.2f})")
    print(f"a plain loop   {loop:8.2f} ms  (best {min(loops) * 1000:.2f})")
    print(f"numpy {numpy.__version__:8s} {other:8.2f} ms  (best {min(theirs) * 1000:.2f})")
    print(f"{ratio:.2f} times numpy's time, 1/{loop / mine:.1f} of the plain loop's")
    sys.exit(1 if ratio >= WORST else 0)


if __name__ == "__main__":
    main()
