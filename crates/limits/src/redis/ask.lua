-- Waiters come and go, and the process is told what it gets and when to ask again.

return serve()
