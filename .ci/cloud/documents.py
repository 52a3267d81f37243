"""The commands of the documentation, exactly as it shows them."""

import re
import textwrap

from emulator import REGION, ROOT

PAGES = ("README.md", "docs/deploy.md", "docs/operations/runbook.md", "docs/operations/cli.md")
# Pages that name the stack before its deployment.
DEPLOYING = ("README.md", "docs/deploy.md")
# What the step does in another way, or has done: it builds nothing, and installs no tools.
DEPLOYMENT = re.compile(r"^(rustup|python3|pip|sam) .*\n", re.MULTILINE)
WIDTH = 80


def blocks(page):
    """All shell commands of a page."""
    fenced = r"^( *)```sh\n(.*?)^\1```$"
    return [textwrap.dedent(found[1]) for found in re.findall(fenced, (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)]


def block(page, text):
    """The one block of a page that contains a text."""
    found = [commands for commands in blocks(page) if text in commands]
    assert len(found) == 1, f"{page}: {len(found)} blocks with {text!r}"
    return found[0]


def for_stack(page, *commands, stack):
    """The commands that select a stack on a page, with this stack's name and region in place of the examples, and more."""
    script = "\n".join([block(page, "export STACK="), selection(page)] if page in DEPLOYING else [selection(page)])
    example = r"^export STACK=\S+ AWS_DEFAULT_REGION=\S+$"
    script, count = re.subn(example, f"export STACK={stack.name} AWS_DEFAULT_REGION={REGION}", script, flags=re.MULTILINE)
    assert count == 1, f"{page}: no line with stack and region"
    return "\n".join([DEPLOYMENT.sub("", script), *commands])


def selection(page):
    """The block of a page that defines `output`."""
    return block(page, "output() {")


def definition(page):
    """The definition of `output` on a page."""
    return re.search(r"^output\(\) \{.*?^\}$", selection(page), re.MULTILINE | re.DOTALL)[0]


def check(checks):
    """The pages define `output` in the same way, and no line wraps in a narrow terminal."""
    for page in PAGES:
        checks.expect(f"{page}: definition of output", definition(page), definition("README.md"))
        long = [line for line in selection(page).splitlines() if len(line) > WIDTH]
        checks.expect(f"{page}: lines longer than {WIDTH}", long, [])
