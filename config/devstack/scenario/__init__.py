"""The story ./dev demo tells: the whole product through its public doors, with every refusal."""
