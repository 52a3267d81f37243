"""Runs AWS's own validator, cloudformation-validate, on the template and on its translations."""

import json
import re

from cloudformation_validate import CompositeEngine
from emulator import ROOT
from stack import REQUIRED, TEMPLATE, translate

# The other values of the parameters that switch resources. The conditions remain in a translation, and the validator
# evaluates them. A translation differs only by parameters that SAM itself resolves.
ALTERNATIVES = {
    "UserDirectory": ("users-table", "endpoint"),
    "SourceAddresses": ("enforce",),
    "UnsignedRoutes": ("on",),
    "SeparateFunctions": ("off",),
    "Canary": ("false",),
    "AlarmEmail": ("alarms@example.com",),
    "AlarmEmail2": ("on-call@example.com",),
    "NoTrafficHours": ("0",),
    "LogLevel": ("WARN",),
    "ReservedConcurrency": ("5",),
    "ApiLogsRole": ("present",),
}
# Findings about what SAM resolves or generates: rule, and a pattern of path and message.
OF_SAM = (
    ("F1020", r"^Properties\.FunctionName 'Relay\.Alias' is not one of"),
    ("W1028", r"^Properties\.Body\.paths\..* is not reachable"),  # SAM repeats a function's condition at its paths
    ("W2001", r" Parameter 'Canary' is not referenced"),
)


def findings(engine, name, text):
    """The validator's findings above the level INFO, but for those about SAM."""
    file = ROOT / "target/cloud" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    for finding in engine.validate_template(str(file)).diagnostics:
        where = f"{finding.property_path} {finding.message}"
        is_of_sam = any(finding.rule_id == rule and re.search(pattern, where) for rule, pattern in OF_SAM)
        if finding.severity.name != "INFO" and not is_of_sam:
            yield f"{name}: {finding.rule_id} {finding.entity.logical_id} {where[:300]}"


def translations():
    """The different translations, by the parameters that cause them."""
    found = {}
    for parameters in [{}] + [{name: value} for name, values in ALTERNATIVES.items() for value in values]:
        text = json.dumps(translate(REQUIRED | parameters), default=str)
        # `AlwaysDeploy` gives each deployment of the API a random id.
        found.setdefault(re.sub(r"(deployment id: |ApiDeployment)[0-9a-f]+", "", text), (parameters, text))
    return found.values()


def check(checks):
    engine = CompositeEngine()
    source = TEMPLATE.read_text()
    planted = source.replace("    DependsOn: WebhookApi\n", "").replace(
        "    Type: AWS::Serverless::Api\n", "    Type: AWS::Serverless::Api\n    DependsOn: ApiLogging\n"
    )
    checks.expect("validator: a planted dependency is found", [f for f in findings(engine, "planted.yaml", planted) if "E3005" in f], bool)
    checks.expect("validator: template", list(findings(engine, "template.yaml", source)), [])
    for number, (parameters, text) in enumerate(translations()):
        checks.expect(f"validator: translation {parameters}", list(findings(engine, f"translation-{number}.json", text)), [])
