"""What the demo and the end-to-end tests share: a platform on throw-away data, its peers, and impostors.

Read platform.py first. Everything lives in one temporary folder and on loopback; only the standard library is used, and
whoever talks to the platform is an unmodified program (curl, openssl, nginx ...).
"""
