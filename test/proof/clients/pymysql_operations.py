"""Runs a workload with PyMySQL: lists of a text and its values, as JSON on standard input."""

import json
import sys

import pymysql

target = json.loads(sys.argv[1])
connection = pymysql.connect(
    host=target["host"],
    port=target["port"],
    user=target["user"],
    password=target["password"],
    database=target["database"],
    charset="utf8mb4",
    autocommit=True,
    ssl_disabled=True,
)
for sql, values in json.load(sys.stdin):
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s") if values else sql, values or None)
            cursor.fetchall()
    except pymysql.Error:
        # Many are meant to fail; one that loses the connection is not.
        connection.ping(reconnect=False)
connection.close()
