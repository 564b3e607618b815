#!/bin/sh
# Serves /www on port 80 until it is told to stop; as process 1 it must say itself that TERM ends it.
trap 'kill "$server"; exit 0' TERM INT
httpd -f -p "${PORT:-80}" -h /www &
server=$!
echo "serving /www on port ${PORT:-80}"
wait "$server"
