# The QEMU driver.
# shellcheck shell=bash
