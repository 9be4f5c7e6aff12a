"""The soak (F56): a whole installation with people, accidents and a bad forge, by a seed that plays it again."""
