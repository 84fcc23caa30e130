"""A Terraform provider that has the schema of Oracle's and does nothing: for machines that reach no registry.

It knows every attribute that infra/ may use, so `terraform validate` and `terraform test` find a misspelt, missing or
mistyped one. It plans nothing: the tests mock the provider, as they would the real one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import tf.provider
import tf.runner
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

SCHEMA: dict[str, dict[str, dict[str, Any]]] = json.loads(Path(os.environ["OCI_STUB_SCHEMA"]).read_text())
PROVIDER = {
    "region": "string",
    "config_file_profile": "string",
    "auth": "string",
    "tenancy_ocid": "string",
}


def schema_block(described: dict[str, Any]) -> Any:  # noqa: ANN401  (generated classes)
    block = pb.Schema.Block(version=0)
    for name, attribute in sorted(described["attributes"].items()):
        flags = {flag: attribute[flag] for flag in ("required", "optional", "computed")}
        block.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
    for name, nested in sorted(described["blocks"].items()):
        block.block_types.add(
            type_name=name,
            block=schema_block(nested["block"]),
            nesting=pb.Schema.NestedBlock.NestingMode.LIST,
            min_items=nested["min"],
            max_items=nested["max"],
        )
    return block


def schema(described: dict[str, Any]) -> Any:  # noqa: ANN401
    return pb.Schema(version=0, block=schema_block(described))


class Servicer(rpc.ProviderServicer):  # type: ignore[misc]  # generated, without types
    def __init__(self, _: object) -> None:
        self.settings = {
            "attributes": {
                name: {"type": kind, "required": False, "optional": True, "computed": False}
                for name, kind in PROVIDER.items()
            },
            "blocks": {},
        }

    def GetMetadata(self, _request: object, _context: object) -> object:
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=False),
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in SCHEMA["resource"]],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=name) for name in SCHEMA["data"]],
        )

    def GetProviderSchema(self, _request: object, _context: object) -> object:
        return pb.GetProviderSchema.Response(
            provider=schema(self.settings),
            resource_schemas={name: schema(each) for name, each in SCHEMA["resource"].items()},
            data_source_schemas={name: schema(each) for name, each in SCHEMA["data"].items()},
        )

    def GetFunctions(self, _request: object, _context: object) -> object:
        return pb.GetFunctions.Response()

    def ValidateProviderConfig(self, _request: object, _context: object) -> object:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, _request: object, _context: object) -> object:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, _request: object, _context: object) -> object:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, _request: object, _context: object) -> object:
        return pb.ConfigureProvider.Response()

    def StopProvider(self, _request: object, _context: object) -> object:
        return pb.StopProvider.Response()


if __name__ == "__main__":
    tf.provider.ProviderServicer = Servicer
    tf.runner.run_provider(None)
