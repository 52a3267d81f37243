"""Finds edits of the template that publish a version which Lambda refuses.

SAM publishes a version of a function if one of its properties has changed. Lambda refuses a version without a change of
code or configuration, and the deployment fails. So an edit must not change only what a version does not contain.
"""

import re
import subprocess

from emulator import ROOT
from stack import REQUIRED, TEMPLATE, translate

# Properties of a function that its versions do not contain. The code is not known here.
NOT_IN_VERSIONS = {"Code", "RecursiveLoop", "ReservedConcurrentExecutions", "Tags"}
VARIANTS = (
    {"UnsignedRoutes": "on"},
    {"UserDirectory": "endpoint", "EndpointUrl": "https://game.example/questions", "UnsignedRoutes": "on"},
)
REMEDY = "publishes a version that Lambda refuses, since nothing in it has changed; change the Description of this function, too"


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)


def previous_template():
    """The last template on the main branch that differs from the current one, if this clone contains it."""
    current = TEMPLATE.read_text()
    for branch in ("origin/main", "main", "HEAD"):
        commits = git("rev-list", "--first-parent", branch, "--", "template.yaml")
        if commits.returncode == 0:
            texts = (git("show", f"{commit}:template.yaml").stdout for commit in commits.stdout.split())
            return next((text for text in texts if text and text != current), None)
    return None


def resolve(value):
    """Writes references in one way: `!Sub '${X.Arn}'` and `!GetAtt X.Arn` are the same."""
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
        case {"Fn::Sub": [text, variables]}:
            values = {f"<{name}>": str(resolve(item)) for name, item in variables.items()}
            return re.sub(r"<[^>]+>", lambda name: values.get(name[0], name[0]), resolve({"Fn::Sub": text}))
        case dict():
            return {name: resolve(item) for name, item in value.items()}
        case list():
            return [resolve(item) for item in value]
    return value


def versions(source, parameters):
    """By function: what makes SAM publish a version, and what Lambda sees."""
    resources = translate(REQUIRED | parameters, source)["Resources"]
    found = {}
    for name, version in resources.items():
        if version["Type"] == "AWS::Lambda::Version":
            function = version["Properties"]["FunctionName"]["Ref"]
            properties = resources[function]["Properties"]
            seen = {key: resolve(value) for key, value in properties.items() if key not in NOT_IN_VERSIONS}
            found[function] = ((name, resolve(version["Properties"].get("Description"))), seen)
    return found


def refused(before, after):
    """The functions whose new version Lambda would refuse."""
    names = set()
    for parameters in VARIANTS:
        old, new = versions(before, parameters), versions(after, parameters)
        for name in old.keys() & new.keys():
            if old[name][0] != new[name][0] and old[name][1] == new[name][1]:
                names.add(name)
    return sorted(names)


def check(checks):
    current = TEMPLATE.read_text()
    webhook = "      Description: Webhooks of every type\n"
    assert webhook in current
    for edit, expected in (
        ("      Tags: {team: shop}\n", ["Webhook"]),
        ("      RecursiveLoop: Allow\n", ["Webhook"]),
        ("      MemorySize: 512\n", []),
    ):
        checks.expect(f"versions: planted edit {edit.strip()}", refused(current, current.replace(webhook, webhook + edit)), expected)
    previous = previous_template()
    if previous is None:
        print("  versions: this clone has no earlier template; nothing to compare")
    else:
        for name in refused(previous, current):
            checks.expect(f"versions: the edit of {name} {REMEDY}", False, True)
