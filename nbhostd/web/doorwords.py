"""What is said at the doors (passwords, links, another site's login), by reason: what happened, and what to do."""

from __future__ import annotations

from nbhostd.web.languages import N_

_LONGER = N_("Three or four words that do not belong together are good, and easy to remember.")
_ONCE_MORE = N_("Go back to the login, and try once more.")
_LOCAL = N_("Log in with a password, or ask your teacher.")

DOOR_WORDS: dict[str, tuple[str, str]] = {
    "password-too-short": (N_("A password has at least 10 characters."), _LONGER),
    "password-too-long": (N_("This password is too long: 1024 bytes at most."), N_("Choose a shorter one.")),
    "password-personal": (N_("This password is made from your own name or address."), _LONGER),
    "password-common": (N_("This password is among the first that anybody would try."), _LONGER),
    "passwords-differ": (N_("The two passwords differ."), N_("Type the same one twice.")),
    "wrong-old-password": (
        N_("The present password is wrong."),
        N_("If you have forgotten it, log out and ask for a link."),
    ),
    "openid-state": (
        N_("This login was begun in another browser, or too long ago."),
        _ONCE_MORE,
    ),
    "openid-denied": (N_("The other site did not let you in."), _ONCE_MORE),
    "openid-stranger": (
        N_("You have no account here."),
        N_("Ask your teacher to make one for you; say with which address you log in."),
    ),
    "openid-domain": (N_("This login is not for people of your address."), _LOCAL),
    "openid-name-taken": (
        N_("There is already another account with your name."),
        N_(
            "If it is yours, log in with its password and join the two on the page of your account; else ask your teacher."
        ),
    ),
    "openid-joined": (
        N_("This login belongs to another account here."),
        N_("Log out, and log in with it to see which."),
    ),
    "openid-shut": (N_("This account is shut."), N_("Ask your teacher, or an administrator of this site.")),
    "openid-silent": (
        N_("The other site does not answer as it should."),
        N_("Try again in a few minutes, or log in with a password."),
    ),
    "openid-wait": (N_("Too many attempts to log in; please wait."), N_("Try again in a minute.")),
    "no-mail": (N_("This site has no mail server."), N_("Hand the links out instead.")),
    "no-openid": (N_("This site has no other login."), _LOCAL),
}
