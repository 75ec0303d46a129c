-- Redis' clock, of the server that has the key.
return redis.call('TIME')
