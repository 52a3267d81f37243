"""Removes one grant after the other from a running stack. A round of webhooks must notice each."""

import copy
import json
import re

from exercise import Round

# What Lambda, X-Ray and KMS do for a function, and the emulator does not.
NOT_EMULATED = ("kms:", "xray:")


class Policy:
    """A policy of the stack: a managed one, or the inline one of a role."""

    def __init__(self, iam, name, resource, inline=None):
        self.iam, self.name, self.resource, self.inline = iam, name, resource, inline
        if inline:
            self.document = iam.get_role_policy(RoleName=resource, PolicyName=inline)["PolicyDocument"]
        else:
            version = iam.get_policy(PolicyArn=resource)["Policy"]["DefaultVersionId"]
            self.document = iam.get_policy_version(PolicyArn=resource, VersionId=version)["PolicyVersion"]["Document"]

    def grants(self):
        """Index of the statement, action and resource of each grant."""
        for index, statement in enumerate(self.document["Statement"]):
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield index, action, resource

    def without(self, index, action, resource):
        """The document without one grant. All other grants of its statement remain."""
        document = copy.deepcopy(self.document)
        statement = document["Statement"].pop(index)
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        others = [other for other in actions if other != action]
        if others:
            document["Statement"].append({**statement, "Action": others})
        rest = [other for other in resources if other != resource]
        if rest:
            document["Statement"].append({**statement, "Action": action, "Resource": rest})
        # A policy must have a statement. This action needs no permission.
        document["Statement"] = document["Statement"] or [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]
        return document

    def put(self, document):
        """Replaces the document. The emulator then starts new function environments."""
        if self.inline:
            self.iam.put_role_policy(RoleName=self.resource, PolicyName=self.inline, PolicyDocument=json.dumps(document))
            return
        versions = self.iam.list_policy_versions(PolicyArn=self.resource)["Versions"]
        for version in versions:
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=self.resource, VersionId=version["VersionId"])
        self.iam.create_policy_version(PolicyArn=self.resource, PolicyDocument=json.dumps(document), SetAsDefault=True)


def listed(value):
    return value if isinstance(value, list) else [value]


def policies(stack):
    """The policies of the functions. The roles of API Gateway and CodeDeploy are not theirs."""
    iam, types = stack.emulator.client("iam"), stack.resource_types()
    for name, resource in sorted(stack.resources().items()):
        if types[name] == "AWS::IAM::ManagedPolicy":
            yield Policy(iam, name, resource)
        elif types[name] == "AWS::IAM::Role":
            for inline in iam.list_role_policies(RoleName=resource)["PolicyNames"]:
                yield Policy(iam, name, resource, inline)


def check(stack, checks, only=lambda action, resource: True):
    """Removes each grant that `only` selects. Returns how many were removed."""
    checks.expect("a round with all grants", Round(stack).problems(), [])
    count = 0
    for policy in policies(stack):
        for index, action, resource in policy.grants():
            if action.startswith(NOT_EMULATED) or not only(action, resource):
                continue
            count += 1
            what = f"{policy.name} without {action} on {resource.split(':', 5)[-1]}"
            policy.put(policy.without(index, action, resource))
            position = stack.emulator.decisions_file.stat().st_size

            def is_denied():
                return any(name == action and not allowed for _, name, _, allowed in stack.emulator.decisions(position))

            try:
                problems = Round(stack).problems(is_denied)
                denied = is_denied()
            finally:
                policy.put(policy.document)
            checks.expect(f"{what}: noticed", problems, lambda problems: problems and denied)
    count += check_invocations(stack, checks) if only("lambda:InvokeFunction", "") else 0
    count += check_logs(stack, checks) if only("logs:PutLogEvents", "") else 0
    checks.expect("a round after all grants are restored", wait_until_settled(stack), [])
    return count


def check_condition(stack, checks):
    """With the relay's permissions, the attributes of its decision can be updated, and nothing else of an event."""
    iam, name, resources = stack.emulator.client("iam"), f"{stack.name}-relay", stack.resources()
    relay = next(policy for policy in policies(stack) if policy.name == "RelayRole")
    iam.create_user(UserName=name, PermissionsBoundary=resources["PermissionsBoundary"])
    iam.put_user_policy(UserName=name, PolicyName="relay", PolicyDocument=json.dumps(relay.document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    dynamodb = stack.emulator.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    decision = "goods = :x, goods_reason = :x, goods_mode = :x, decided_at = :x"
    for update, condition, allowed in (
        (f"SET {decision}", "attribute_exists(pk) AND attribute_not_exists(decided_at)", True),
        ("SET body = :x", "attribute_exists(pk)", False),
        ("SET goods = :x REMOVE body", "attribute_exists(pk)", False),
        ("SET #body = :x", "attribute_exists(pk)", False),
        ("SET goods = :x", "kind = :x", False),
    ):
        request = {"TableName": stack.outputs["TableName"], "Key": {"pk": {"S": "none"}, "sk": {"S": "none"}}}
        if "#body" in update:
            request["ExpressionAttributeNames"] = {"#body": "body"}
        request |= {"UpdateExpression": update, "ConditionExpression": condition, "ExpressionAttributeValues": {":x": {"S": "x"}}}
        code = "updated"
        try:
            dynamodb.update_item(**request)
        except dynamodb.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
        # Nothing has this key, so an allowed update fails by its condition.
        expected = "ConditionalCheckFailedException" if allowed else "AccessDeniedException"
        checks.expect(f"the relay's permission to {update} if {condition}", code, expected)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="relay")
    iam.delete_user(UserName=name)


def check_invocations(stack, checks):
    """The permissions of API Gateway to invoke the functions."""
    client, types, count = stack.emulator.client("lambda"), stack.resource_types(), 0
    for name, resource in stack.resources().items():
        if types[name] != "AWS::Lambda::Function":
            continue
        try:
            policy = json.loads(client.get_policy(FunctionName=resource, Qualifier="live")["Policy"])
        except client.exceptions.ResourceNotFoundException:
            continue
        for statement in policy["Statement"]:
            count += 1
            client.remove_permission(FunctionName=resource, StatementId=statement["Sid"], Qualifier="live")
            problems = Round(stack).problems()
            source = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
            client.add_permission(
                FunctionName=resource,
                StatementId=statement["Sid"],
                Qualifier="live",
                Action=statement["Action"],
                Principal=statement["Principal"]["Service"],
                SourceArn=source,
            )
            checks.expect(f"{name} without the permission for {source.split('/', 1)[-1]}: noticed", bool(problems), True)
    return count


def check_logs(stack, checks):
    """The policy for logs that SAM attaches to each role."""
    iam, types, count = stack.emulator.client("iam"), stack.resource_types(), 0
    for name, role in stack.resources().items():
        if types[name] != "AWS::IAM::Role":
            continue
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            if policy["PolicyName"] == "AWSLambdaBasicExecutionRole":
                count += 1
                iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
                problems = Round(stack).problems()
                iam.attach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
                expected = [f"no log lines: ['{name.removesuffix('Role')}Logs']"]
                checks.expect(f"{name} without its policy for logs: noticed", problems, expected)
    return count


def wait_until_settled(stack):
    """Runs a round. The relay first sends what the removed grants have delayed."""
    problems = []
    for _ in range(3):
        problems = Round(stack).problems()
        if not problems:
            break
    return problems
