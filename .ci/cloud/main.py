"""The step `cloud` of CI. Exits with 1 if a check has failed."""

import signal
import sys
import time

import alarms
import changes
import documents
import first_day
import grants
import guided
import validate
import versions
from checks import Checks
from emulator import ROOT, Emulator
from endpoint import Endpoint, certificate
from exercise import Round
from stack import Stack, upload_binaries

FOLDER = ROOT / "target/cloud"


def main():
    checks, started = Checks(), time.monotonic()

    def step(what, action, *arguments, **keywords):
        begun = time.monotonic()
        result = action(*arguments, **keywords)
        print(f"{time.monotonic() - begun:6.1f} s  {what}", flush=True)
        return result

    step("AWS's validator", validate.check, checks)
    step("edits that Lambda refuses", versions.check, checks)
    documents.check(checks)
    files = certificate(FOLDER)
    with Endpoint(*files) as endpoint, Emulator(FOLDER, files[0]) as emulator:
        upload_binaries(emulator)
        prod, dev = Stack(emulator, "shop-prod"), Stack(emulator, "shop-dev")
        parameters = {"UserDirectory": "users-table", "UnsignedRoutes": "on", "AlarmEmail": "alarms@example.com"}
        step("deploy a stack", prod.deploy, **parameters)
        for action in (first_day.set_secret, first_day.webhooks, first_day.unusable_secret, first_day.sales_to_review, first_day.unsigned, first_day.rotation, first_day.first_hour, first_day.outputs, first_day.commands):
            step(action.__name__.replace("_", " "), action, prod, checks)
        step("a change of RetentionDays", changes.retention, prod, checks)
        step("enforced addresses", changes.enforcement, prod, checks)
        step("the condition on updates", grants.check_condition, prod, checks)
        step("each grant removed", grants.check, prod, checks)
        step("alarms and dashboard", alarms.check, prod, checks)

        step("a second stack", dev.deploy, ApiLogsRole="present", Canary="false")
        first_day.set_secret(dev, checks)
        checks.expect("second stack: a round", Round(dev).problems(), [])
        step("both stacks", alarms.check_separation, prod, dev, checks)

        for changed in (
            {"SeparateFunctions": "off", "UnsignedRoutes": "off"},
            {"ApiLogsRole": "present", "Canary": "false"},
            {"SeparateFunctions": "on", "UnsignedRoutes": "on", "ApiLogsRole": "create", "Canary": "true"},
        ):
            step(f"switch {changed}", changes.switch, prod, checks, **changed)
        step("switch to an endpoint", use_endpoint, prod, endpoint, checks)
        step("sam deploy --guided", guided.check, emulator, checks, FOLDER / "guided")
        for stack in (prod, dev):
            step(f"delete {stack.name}", changes.delete, stack, checks)
    print(f"{time.monotonic() - started:6.1f} s  in all: {checks.passed} checks passed, {len(checks.failed)} failed")
    sys.exit(bool(checks.failed))


def use_endpoint(stack, endpoint, checks):
    """Questions are signed with the stack's key. The functions read it and the URL with grants of their own."""
    stack.deploy(**stack.parameters | {"UserDirectory": "endpoint", "EndpointUrl": endpoint.url})
    key, address = stack.outputs["EndpointKeyArn"], stack.resources()["EndpointAddress"]
    secrets = stack.emulator.client("secretsmanager")
    endpoint.signing_key = secrets.get_secret_value(SecretId=key)["SecretString"]
    checks.expect("the stored URL", secrets.get_secret_value(SecretId=address)["SecretString"], endpoint.url)
    checks.expect("outputs with the URL", [value for value in stack.outputs.values() if endpoint.url in value], [])
    first_day.outputs(stack, checks)
    grants.check(stack, checks, only=lambda action, resource: resource in (key, address))
    checks.expect("questions to the endpoint", set(endpoint.questions), {"user_validation", "user_search", "web_shop_user_validation"})


# `sys.exit` leaves the context managers, which stop the emulator.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
main()
