WE_REFUSE: dict[str, str] = {}
THEY_REFUSE: dict[str, str] = {}
