"""The rig: a real sshd, Docker engine, registry and images on this machine, for tests and for CI.

`install.sh` puts the programs and accounts there once; `python -m tests.rig up` starts the parts and prints where
they are, `down` ends them. Several test processes share one rig: each holds a lease, and the last one to leave ends
it. Needs root and nothing but the standard library. Everything listens on 127.0.0.1.
"""
