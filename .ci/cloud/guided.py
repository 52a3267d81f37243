"""`sam deploy --guided`, typed as the documentation says, and a later deployment of one changed parameter."""

import os
import pathlib
import re
import shutil
import subprocess

import documents
from emulator import CREDENTIALS, REGION, ROOT
from samtranslator.yaml_helper import yaml_parse
from stack import TEMPLATE, Stack, bootstraps

SAM = os.environ.get("CLOUD_SAM", str(ROOT / "target/ci-venv/bin/sam"))
FUNCTION = re.compile(r"    Type: AWS::Serverless::Function\n(?:    Condition: \w+\n)?    Metadata: .*Binary: ([\w-]+)\}\}\n    Properties:\n")
# The answers that are not Enter.
ANSWERS = {"UserDirectory": "accept-all", "PaymentWithoutOrder": "grant", "EndpointUrl": "none"}


def build(folder):
    """Writes what `sam build` leaves: the template with one folder per binary."""
    shutil.rmtree(folder, ignore_errors=True)
    target = folder / ".aws-sam/build"
    target.mkdir(parents=True)
    shutil.copy(ROOT / "samconfig.toml", folder)
    template = TEMPLATE.read_text().replace("    CodeUri: functions/\n", "")
    (target / "template.yaml").write_text(FUNCTION.sub(lambda found: f"{found[0]}      CodeUri: {found[1]}\n", template))
    for name, program in bootstraps():
        (target / name).mkdir()
        (target / name / "bootstrap").write_bytes(program)
        (target / name / "bootstrap").chmod(0o755)


def documented(page, text):
    """The one command of a page that contains a text."""
    return next(line for commands in documents.blocks(page) for line in commands.splitlines() if text in line)


def check(emulator, checks, folder):
    build(folder)
    stack = Stack(emulator, "shop-guided")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= CREDENTIALS | {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "COLUMNS": "80",
        "PATH": f"{pathlib.Path(SAM).parent}:{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "STACK": stack.name,
    }

    def run(command, typed=""):
        # Without a terminal, SAM reads hidden answers from its input.
        command = ["bash", "-euc", command]
        options = {"capture_output": True, "text": True, "timeout": 120, "start_new_session": True}
        return subprocess.run(command, cwd=folder, env=environment, input=typed, **options)

    template = yaml_parse(TEMPLATE.read_text())
    # Name and region; the parameters; changes, roles, rollback; where to save the answers. SAM does not ask whether the
    # paths may have no authentication, since the API has a policy.
    answers = ["", "", *(ANSWERS.get(name, "") for name in template["Parameters"]), "", "", "", "", "", ""]
    hidden = {name for name, parameter in template["Parameters"].items() if parameter.get("NoEcho")}
    commands = {documented(page, "sam deploy --guided --stack-name") for page in documents.DEPLOYING}
    checks.expect("guided: the same command in README.md and docs/deploy.md", len(commands), 1)
    deployment = run(commands.pop(), "\n".join(answers) + "\n")
    if not checks.expect("guided: deployment", (deployment.returncode, deployment.stdout[-300:] + deployment.stderr[-700:]), lambda r: r[0] == 0):
        return
    before = parameters(stack)
    later = run(documented("docs/deploy.md", "RetentionDays=401"))
    checks.expect("later deployment", (later.returncode, later.stderr[-700:]), lambda r: r[0] == 0)
    checks.expect("later deployment: parameters", parameters(stack), before | {"RetentionDays": "401"})
    visible = {name: answer for name, answer in ANSWERS.items() if name not in hidden}
    checks.expect("guided: answers", {name: before[name] for name in visible}, visible)
    saved = (folder / "samconfig.toml").read_text()
    checks.expect("guided: hidden answers in samconfig.toml", [name for name in hidden if name in saved], [])


def parameters(stack):
    description = stack.cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in description["Parameters"]}
