"""The configuration of an nginx as tests start it: one process in the foreground, which writes into its own folder only."""

_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections {connections}; }}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}}}
"""


def config(folder, http, connections=512):
    """`http`: what stands in the block of that name, whole lines."""
    return _CONFIG.format(folder=folder, http=http, connections=connections)
