"""`python -m stet_trainer RECIPE TASK.json` trains; `… check RECIPE` looks for its packages.

RECIPE is one of peft, mlx and torchtune.
"""

import importlib
import sys

from .contract import Task, TrainingFailure, as_failure, fail, say

RECIPES = {"peft": "peft_recipe", "mlx": "mlx_recipe", "torchtune": "torchtune_recipe"}
NEEDED = {
    "peft": ["torch", "transformers", "peft", "gguf", "safetensors", "tokenizers"],
    "mlx": ["mlx_lm", "gguf", "safetensors", "tokenizers"],
    "torchtune": ["torchtune", "gguf", "safetensors"],
}


def check(recipe):
    """Says which of the needed packages are here, with their versions."""
    found = {}
    for name in NEEDED[recipe]:
        try:
            module = importlib.import_module(name)
        except Exception as problem:
            raise TrainingFailure("unavailable", f"{name} cannot be imported: {problem}") from None
        found[name] = str(getattr(module, "__version__", "?"))
    say("packages", found=found)


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in {*RECIPES, "check"}:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        if arguments[0] == "check":
            check(arguments[1])
            return 0
        task = Task(arguments[1])
        importlib.import_module(f".{RECIPES[arguments[0]]}", __package__).run(task)
        return 0
    except SystemExit:
        raise
    except BaseException as problem:
        fail(as_failure(problem))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
