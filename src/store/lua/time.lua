-- Redis' clock, of the server that holds the key.
return redis.call('TIME')
