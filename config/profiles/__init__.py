"""Device profiles: the YAML files of this folder and what reads them."""

from __future__ import annotations

from config.profile_catalog import ProfileCatalog
from config.profile_loader import ProfileError, load_profile
from config.profile_parameters import allowed_options, resolve

__all__ = ["ProfileCatalog", "ProfileError", "allowed_options", "load_profile", "resolve"]
