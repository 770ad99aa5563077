"""Writes seed diffs made by git itself, and libFuzzer's dictionary: diff_seeds.py FOLDER DICTIONARY."""

import os
import subprocess
import sys
import tempfile

TOKENS = r"""
diff --git |diff --cc |--- |+++ |@@ -|@@ -1 +1 @@\x0a|@@ -1,2 +1,2 @@|@@@ -1 -1 +1 @@@|index |..
old mode |new mode |deleted file mode |new file mode |100644|100755|120000|160000
similarity index |rename from |rename to |copy from |copy to |dissimilarity index |%\x0a
Binary files | and | differ\x0a|GIT binary patch\x0a|literal 1\x0a|delta 1\x0a|/dev/null
\\ No newline at end of file\x0a|\x0d\x0a|\xef\xbb\xbf|-- \x0a2.39\x0a|Submodule |\x091970-01-01
"a/\\303\\251"|"b/\\303\\251"| a/x b/x\x0a|Subject: |From |,0 |0,0
""".strip().replace("\n", "|").split("|")


def git(folder, *arguments):
    environment = dict(
        os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
        GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org", GIT_COMMITTER_NAME="a",
        GIT_COMMITTER_EMAIL="a@example.org")
    done = subprocess.run(
        ["git", "-C", folder, *arguments], capture_output=True, env=environment, check=False)
    return done.stdout


def write(folder, name, content):
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def main():
    corpus, dictionary = sys.argv[1:]
    with open(dictionary, "w", encoding="ascii") as file:
        for token in TOKENS:
            quoted = token.replace('"', '\\"')
            file.write(f'"{quoted}"\n')
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "-q")
        body = b"".join(b"line %d\n" % number for number in range(30))
        write(folder, b"plain.txt", body)
        write(folder, b"moved from b/here.txt", body * 2)
        write(folder, b"gone.txt", b"-- a\n++ b\n")
        write(folder, b"bytes\xff\t.bin", bytes(range(256)))
        write(folder, b"crlf.txt", b"a\r\nb\r\nc\r\n")
        write(folder, b"open end.txt", b"a\nb")
        write(folder, b"kind", b"text\n")
        write(folder, b"script.sh", b"echo\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "first")
        write(folder, b"plain.txt", body.replace(b"line 3\n", b"+++ b\n").replace(b"line 25\n", b""))
        os.rename(f"{folder}/moved from b/here.txt", f"{folder}/there b.txt")
        os.remove(f"{folder}/gone.txt")
        write(folder, b"bytes\xff\t.bin", bytes(range(255, -1, -1)))
        write(folder, b"crlf.txt", b"a\r\nB\r\nc\n")
        write(folder, b"open end.txt", b"a\nb\n")
        write(folder, b"empty", b"")
        write(folder, "caf\u00e9.txt".encode(), b"x")
        os.remove(f"{folder}/kind")
        os.symlink("plain.txt", f"{folder}/kind")
        os.chmod(f"{folder}/script.sh", 0o755)
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "second")
        seeds = [["format-patch", "--stdout", "-1", "--binary"], ["log", "-p", "-M"]]
        for option in ["-U0", "-U3", "--no-prefix", "--binary", "-M", "-C -C", "-B", "-D", "-R"]:
            seeds.append(["diff", *option.split(), "HEAD~1", "HEAD"])
        for name in git(folder, "diff", "--no-renames", "--name-only", "-z", "HEAD~1",
                        "HEAD").split(b"\0"):
            if name:
                seeds.append(["diff", "HEAD~1", "HEAD", "--", os.fsdecode(name)])
        for number, arguments in enumerate(seeds):
            write(corpus, b"seed-%d" % number, git(folder, *arguments))


if __name__ == "__main__":
    main()
