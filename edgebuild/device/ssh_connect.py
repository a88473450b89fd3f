"""Logging in over ssh: host keys checked, by key only, through another machine if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.device.optional_library import optional_library
from edgebuild.device.ssh_options import SshLogin, SshOptions
from edgebuild.errors import DeviceError

KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 5, 3
"""A device that does not answer for 15 s is gone."""


def library() -> Any:
    """The module asyncssh.

    Raises:
        ToolError: it is not installed.
    """
    return optional_library("asyncssh", "a device over ssh", "devices")


async def connect(device: str, options: SshOptions) -> list[Any]:
    """The connection, and before it the one of the machine between; close them from the first to the last.

    Raises:
        DeviceError: a machine cannot be reached, is not known, or does not let us in.
    """
    seconds = options.connect_timeout / 1e3
    if options.jump is None:
        return [await _log_in(device, options, None, seconds)]
    between = await _log_in(device, options.jump, None, seconds)
    try:
        return [await _log_in(device, options, between, seconds), between]
    except BaseException:
        between.abort()
        raise


async def _log_in(device: str, login: SshLogin, tunnel: Any, seconds: float) -> Any:
    ssh = library()
    known = login.known_hosts_file
    arguments: dict[str, Any] = {} if login.key is None else {"client_keys": [_key(device, login.key)]}
    try:
        return await ssh.connect(
            login.host,
            login.port,
            tunnel=tunnel or None,
            config=None,
            username=login.login.rpartition("@")[0],
            known_hosts=str(known) if known.is_file() else b"",
            preferred_auth="publickey",
            connect_timeout=seconds,
            login_timeout=seconds,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVE_COUNT,
            **arguments,
        )
    except ssh.HostKeyNotVerifiable:
        raise await _unknown(device, login, tunnel) from None
    except ssh.PermissionDenied:
        key = f"the key {login.key}" if login.key else "the keys of the agent and of ~/.ssh"
        msg = f"device {device!r}: {login.login} does not accept {key}"
        raise DeviceError(msg, remedy=f"ssh-copy-id -p {login.port} {login.login.rpartition(':')[0]}") from None
    except TimeoutError:
        msg = f"device {device!r}: {login.login} did not answer within {seconds:g} s"
        raise DeviceError(msg, remedy="see that it is switched on and in this network") from None
    except (OSError, ssh.Error) as error:
        msg = f"device {device!r}: cannot reach {login.login}: {getattr(error, 'strerror', None) or error}"
        raise DeviceError(msg, remedy="see that it is switched on, in this network, and runs an ssh server") from None


def _key(device: str, name: str) -> Any:
    ssh = library()
    file = Path(name).expanduser()
    try:
        return ssh.read_private_key(file)
    except (OSError, ssh.KeyEncryptionError, ssh.KeyImportError) as error:
        if "assphrase" in str(error):
            msg = f"device {device!r}: the key {name} is protected by a passphrase"
            raise DeviceError(msg, remedy=f"ssh-add {name}, and leave `key` out of the device file") from None
        msg = f"device {device!r}: cannot read the key {name}: {getattr(error, 'strerror', None) or error}"
        raise DeviceError(msg, remedy="name the file of a private key, or leave `key` out to use the agent") from None


async def _unknown(device: str, login: SshLogin, tunnel: Any) -> DeviceError:
    """The error for a key that is not the trusted one, or of a host that has none yet."""
    ssh = library()
    found = await ssh.get_server_host_key(login.host, login.port, tunnel=tunnel or None, config=None)
    shown = f"{found.get_algorithm()} {found.get_fingerprint()}" if found else "none"
    file = login.known_hosts_file
    trusted = ssh.read_known_hosts(str(file)).match(login.host, "", login.port)[0] if file.is_file() else []
    if trusted:
        expected = ", ".join(sorted({key.get_fingerprint() for key in trusted}))
        msg = f"device {device!r}: {login.host}:{login.port} has another key than before: {shown}, expected {expected}"
        return DeviceError(
            msg, remedy=f"if it was installed anew: remove its old key from {login.known_hosts}, else beware"
        )
    msg = f"device {device!r}: {login.host}:{login.port} is not in {login.known_hosts}; it shows the key {shown}"
    return DeviceError(
        msg, remedy=f"compare the key with the device's own, then accept it once: ssh -p {login.port} {login.host}"
    )
