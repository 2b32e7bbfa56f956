DROP TABLE public_release_day;
DROP TABLE public_release;
