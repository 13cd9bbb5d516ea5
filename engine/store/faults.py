"""What the errors of a database mean for whoever asked."""

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from engine.errors import Invalid, Unavailable


def is_lost(error: Exception) -> bool:
    """Whether the connection broke, so that nobody knows what became of what was under way."""
    return isinstance(error, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def translated(error: Exception) -> Exception:
    """What a caller is told of what a database raised: what is wrong with the store, or with a value it was given."""
    if _is_fault_of_value(error):
        return Invalid(f"a value cannot be in the store: {reason(error)}")
    if isinstance(error, IntegrityError):
        return error
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return error.orig if isinstance(error.orig, Exception) else error
    if isinstance(error, SQLAlchemyError | OSError):
        return Unavailable(f"the store cannot be used now: {reason(error)}")
    return error


def _is_fault_of_value(error: Exception) -> bool:
    """Text with a NUL or half a surrogate pair, a number too large: waiting makes none of them better."""
    if isinstance(error, DataError | UnicodeError | OverflowError):
        return True
    original = getattr(error, "orig", None)
    by_server = str(getattr(original, "sqlstate", None) or "").startswith("22")  # SQL's class of data exceptions
    return by_server or isinstance(getattr(original, "__cause__", None), ValueError)  # asyncpg refused to send it


def reason(error: BaseException) -> str:
    """What the database itself said."""
    original = getattr(error, "orig", None) or error
    return str(original).strip() or type(original).__name__
