"""Translates the template as SAM does, and creates, updates and deletes a stack by change sets."""

import io
import json
import logging
import os
import pathlib
import time
import zipfile

import boto3
from botocore.exceptions import ClientError
from emulator import REGION, ROOT
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

BUCKET = "code"
TEMPLATE = ROOT / "template.yaml"
# The two parameters without a default, as in the documentation's first example.
REQUIRED = {"UserDirectory": "accept-all", "PaymentWithoutOrder": "grant"}
logging.disable()


def bootstraps():
    """The program of each deployed function, by the name of its binary.

    A type whose binary was not built uses `webhook`, which accepts every type and therefore requires a directory.
    """
    folder = pathlib.Path(os.environ.get("CLOUD_BINARIES", ROOT / "target/release")).absolute()
    substitute = f"#!/bin/sh\nUSER_DIRECTORY=accept-all exec {folder}/webhook\n".encode()
    for resource in yaml_parse(TEMPLATE.read_text())["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            name = resource["Metadata"]["BuildProperties"]["Binary"]
            binary = folder / name
            yield name, binary.read_bytes() if binary.exists() else substitute


def upload_binaries(emulator):
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, program in bootstraps():
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            file.writestr(entry, program, zipfile.ZIP_DEFLATED, compresslevel=1)
        s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=archive.getvalue())


def translate(parameters, source=None):
    """SAM's translation of the template, as `sam deploy` uploads it."""
    template = yaml_parse(source or TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            binary = resource["Metadata"]["BuildProperties"]["Binary"]
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{binary}.zip"
    values = {name: parameters.get(name, p.get("Default")) for name, p in template["Parameters"].items()}
    session = boto3.Session(region_name=REGION)
    return Translator({}, Parser(), boto_session=session).translate(template, values)


class DeploymentError(Exception):
    """A stack that did not reach its state, with the events that say why."""


class Stack:
    """A stack on the emulator."""

    def __init__(self, emulator, name):
        self.emulator, self.name = emulator, name
        self.cloudformation = emulator.client("cloudformation")
        self.created = False
        self.parameters = {}

    def deploy(self, **parameters):
        """Creates the stack, or updates it with exactly these parameters."""
        try:
            return self.execute(parameters)
        except ClientError as error:
            raise DeploymentError(str(error)) from error

    def execute(self, parameters):
        self.parameters = REQUIRED | {name: str(value) for name, value in parameters.items()}
        body = json.dumps(translate(self.parameters), default=str)
        self.emulator.client("s3").put_object(Bucket=BUCKET, Key=f"{self.name}.json", Body=body.encode())
        change_set = self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=f"deployment-{time.time_ns()}",
            ChangeSetType="UPDATE" if self.created else "CREATE",
            TemplateURL=f"{self.emulator.endpoint}/{BUCKET}/{self.name}.json",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()],
            # Those of samconfig.toml, and the one that a change set with a transform requires.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )["Id"]
        status = self.wait(lambda: self.cloudformation.describe_change_set(ChangeSetName=change_set), "Status")
        if status["Status"] != "CREATE_COMPLETE":
            raise DeploymentError(f"change set: {status['Status']}: {status.get('StatusReason')}")
        self.cloudformation.execute_change_set(ChangeSetName=change_set)
        expected = "UPDATE_COMPLETE" if self.created else "CREATE_COMPLETE"
        state = self.wait(lambda: self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0], "StackStatus")
        self.id, self.created = state["StackId"], True
        if state["StackStatus"] != expected:
            raise DeploymentError(f"{state['StackStatus']}: {self.failures()}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in state["Outputs"]}
        return self

    @staticmethod
    def default(parameter):
        return str(yaml_parse(TEMPLATE.read_text())["Parameters"][parameter].get("Default"))

    def delete(self):
        """Deletes the stack. Returns the logical ids of the resources that CloudFormation retained."""
        self.cloudformation.delete_stack(StackName=self.name)
        state = self.wait(lambda: self.cloudformation.describe_stacks(StackName=self.id)["Stacks"][0], "StackStatus")
        if state["StackStatus"] != "DELETE_COMPLETE":
            raise DeploymentError(f"{state['StackStatus']}: {self.failures()}")
        return {event["LogicalResourceId"] for event in self.events() if event["ResourceStatus"] == "DELETE_SKIPPED"}

    def wait(self, describe, key, seconds=120):
        for _ in range(seconds * 10):
            state = describe()
            if not state[key].endswith(("PENDING", "IN_PROGRESS")):
                return state
            time.sleep(0.1)
        raise DeploymentError(f"{self.name}: still {state[key]} after {seconds} seconds")

    def events(self):
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.id)
        return [event for page in pages for event in page["StackEvents"]]

    def failures(self):
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in reversed(self.events())
            if "FAILED" in event["ResourceStatus"]
        ]

    def resources(self):
        """Physical ids by logical id."""
        return {summary["LogicalResourceId"]: summary["PhysicalResourceId"] for summary in self.summaries()}

    def resource_types(self):
        """Types by logical id."""
        return {summary["LogicalResourceId"]: summary["ResourceType"] for summary in self.summaries()}

    def summaries(self):
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [summary for page in pages for summary in page["StackResourceSummaries"]]
