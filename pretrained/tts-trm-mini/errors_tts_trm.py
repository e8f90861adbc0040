"""The base of all errors that this package raises on purpose."""


class TtsTrmError(Exception):
    """Something that the user can put right. The message names the value, the file or the row, and the fix."""


class InputError(TtsTrmError, ValueError):
    """A value that cannot be used."""
