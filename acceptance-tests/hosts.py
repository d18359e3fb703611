"""Several hosts on one machine: sets of namespaces.

HOSTS is a folder with namespaces of hosts that are there already, files <name>.net, <name>.uts and
<name>.mnt as nsenter takes them (scripts/hosts-on-nfs); without it each call makes a host."""

import os

HOSTS = os.environ.get("HOSTS")


def namespaces(*kinds):
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *own_user, "--mount", "--fork", "--kill-child", *kinds]


def on_host(name, command, folder):
    """The command in that folder, on a host where it is process 1."""
    if HOSTS:
        enter = ["nsenter"] + [f"--{long}={HOSTS}/{name}.{short}" for long, short in
                               (("net", "net"), ("uts", "uts"), ("mount", "mnt"))]
        script = 'cd "$0" && exec "$@"'  # the folder of that name is another one there
        return enter + namespaces("--pid", "--mount-proc") + ["sh", "-c", script, str(folder),
                                                              *command]
    script = f'hostname {name} && exec "$@"'
    return namespaces("--uts", "--net", "--pid", "--mount-proc") + ["sh", "-c", script, "sh",
                                                                    *command]
