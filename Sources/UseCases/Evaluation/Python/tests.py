"""Runs the tests of judged code inside the sandbox and reports each of them."""
