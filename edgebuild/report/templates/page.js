(function () {
  'use strict';
  var root = document.documentElement;
  function themed(value, style) {
    if (typeof value === 'string' && value.charAt(0) === '@') { return style.getPropertyValue('--' + value.slice(1)).trim(); }
    if (Array.isArray(value)) { return value.map(function (item) { return themed(item, style); }); }
    if (value && typeof value === 'object') {
      var copy = {};
      Object.keys(value).forEach(function (key) { copy[key] = themed(value[key], style); });
      return copy;
    }
    return value;
  }
  function draw() {
    if (!window.Plotly) { return; }
    var style = getComputedStyle(root);
    document.querySelectorAll('.chart').forEach(function (chart) {
      var spec = themed(JSON.parse(chart.querySelector('script').textContent), style);
      var place = chart.querySelector('.plot');
      place.textContent = '';
      window.Plotly.newPlot(place, spec.data, spec.layout, {
        displaylogo: false, responsive: true, showSendToCloud: false,
        modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d']
      });
    });
  }
  draw();
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  var opened = [];
  window.addEventListener('beforeprint', function () {
    root.setAttribute('data-print', '');
    opened = Array.prototype.filter.call(document.querySelectorAll('details'), function (item) { return !item.open; });
    opened.forEach(function (item) { item.open = true; });
    draw();
  });
  window.addEventListener('afterprint', function () {
    root.removeAttribute('data-print');
    opened.forEach(function (item) { item.open = false; });
    draw();
  });
})();
