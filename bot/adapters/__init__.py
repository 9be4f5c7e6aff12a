"""The technologies, one package or module each, named ROLE_TECHNOLOGY; siblings never import each other."""
