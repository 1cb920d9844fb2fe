// Shows what the desk sends to this browser, and opens the ticket when it is pressed.
self.addEventListener("push", (event) => {
  const { title, body, link, tag } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body, tag, data: { link } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const link = new URL(event.notification.data.link, self.location);
  // Nothing but a page of this desk is opened, whoever has sent it.
  if (link.origin === self.location.origin) event.waitUntil(self.clients.openWindow(link.href));
});
