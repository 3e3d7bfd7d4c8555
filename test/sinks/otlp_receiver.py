"""An OTLP/HTTP receiver of logs that reads requests with OpenTelemetry's own messages, strictly: a field that they do not know is a 400."""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

received = []
seen_headers = []
state = {"poison": None, "large": None}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, json.dumps({"received": received, "headers": seen_headers}).encode())

    def do_PUT(self):
        """What is rejected from now on: records with a text, requests with more records than a number."""
        state.update(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.answer(200, b"{}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        seen_headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.path != "/v1/logs" or self.headers["content-type"] != "application/json":
            self.answer(415, b"{}")
            return
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        try:
            request = json_format.Parse(body, ExportLogsServiceRequest())
        except json_format.ParseError as error:
            self.answer(400, json.dumps({"message": str(error)}).encode())
            return
        records = [
            (resource.resource, record)
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        if state["large"] is not None and len(records) > state["large"]:
            self.answer(413, b"{}")
            return
        response = ExportLogsServiceResponse()
        for resource, record in records:
            if state["poison"] is not None and state["poison"] in record.body.string_value:
                response.partial_success.rejected_log_records += 1
                response.partial_success.error_message = "poisoned"
            else:
                received.append(
                    {
                        "body": record.body.string_value,
                        "time": record.time_unix_nano // 1_000_000,
                        "severity": record.severity_number,
                        "event": record.event_name,
                        "attributes": {item.key: item.value.string_value for item in record.attributes},
                        "resource": {item.key: item.value.string_value for item in resource.attributes},
                    }
                )
        self.answer(200, json_format.MessageToJson(response).encode())


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
