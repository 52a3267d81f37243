"""Fails if a tracked text file contains a word that this project avoids. STYLE: CONTRIBUTING.md, "Language"."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
AVOIDED = re.compile(
    r"\b(nobody|whoever|whatever|somebody|told|tells? of|in vain|anew|afresh|mend(s|ed|ing)?|comes? again|stands? behind|"
    r"leave word|of which|for good|turn(s|ed)? away|goes? on)\b",
    re.IGNORECASE,
)
# Files whose text is not ours, or that must name the words.
EXCEPTIONS = ("LICENSE", "Cargo.lock", "package-lock.json", "shared/xsolla/samples/", "tools/fuzz/corpus/", ".ci/language.py")


def main():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    findings = []
    for name in files:
        if name.startswith(EXCEPTIONS) or name.endswith(EXCEPTIONS):
            continue
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            findings += [f"{name}:{number}: {match[0]}" for match in AVOIDED.finditer(line)]
    print("\n".join(findings) or f"{len(files)} files")
    sys.exit(bool(findings))


main()
