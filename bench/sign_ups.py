"""Sign people up until the process is killed, and print each acknowledged account.

`python -m bench.sign_ups PREFIX` with the app's settings in the environment. A line is written only
after `sign_up` has returned, when a visitor would see success. A refusal ends the process with the
refusal's name.
"""

import sys
from itertools import count
from threading import Lock, Thread

from auth.errors import AuthError
from auth.service import AuthService
from bench.accounts import NOWHERE, PASSWORD
from db.engine import Database
from settings import Settings

THREADS = 2
CHEAPEST = 4  # bcrypt's floor: the write is measured, and a kill should hit many of them


def main(prefix: str) -> None:
    """Sign up in several threads at once, forever or until the database refuses."""
    settings = Settings(_env_file=NOWHERE).model_copy(update={"bcrypt_rounds": CHEAPEST})
    auth = AuthService(Database(settings.database_url), settings)
    numbers, turn = count(), Lock()

    def tell(line: str) -> None:
        with turn:  # or two threads' lines would run into each other
            print(line, flush=True)

    def sign_up_for_ever() -> None:
        while True:
            with turn:
                email = f"{prefix}-{next(numbers)}@bench.example.org"
            try:
                auth.sign_up(email, PASSWORD)
            except AuthError as refusal:
                tell(f"refused {type(refusal).__name__}")
                return
            tell(email)

    threads = [Thread(target=sign_up_for_ever) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
